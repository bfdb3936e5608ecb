package web

import (
	"fmt"
	"net/http"
	"time"
)

const (
	// heartbeat keeps proxies from closing a quiet connection.
	heartbeat = 15 * time.Second
	// breather lies between two events: what changes meanwhile is told as one.
	breather = 250 * time.Millisecond
	// longest is how long a stream lasts. The page opens another, and whether it may
	// is asked anew: a page left open by somebody who signed out elsewhere hears no more.
	longest = 5 * time.Minute
)

// Stream tells a page, as server-sent events named changed, that it has something
// new to load, once for all that changes yield between two events. It returns when
// the page goes away or stopped is closed, and after some minutes: follow in app.js,
// which listens to it, connects again and loads what it missed.
func Stream(w http.ResponseWriter, r *http.Request, changes, stopped <-chan struct{}) {
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	if r.Method == http.MethodHead {
		return
	}
	// A server's time limits are not meant for this answer: the one for reading the
	// request would end it too. Where there are none to clear, all the better.
	_ = stream.SetReadDeadline(time.Time{})
	_ = stream.SetWriteDeadline(time.Time{})
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	rested := time.NewTimer(0)
	defer rested.Stop()
	over := time.NewTimer(longest)
	defer over.Stop()
	say, next := ": hello\nretry: 1000\n\n", changes
	for {
		if say != "" {
			if _, err := fmt.Fprint(w, say); err != nil {
				return
			}
			if err := stream.Flush(); err != nil {
				return
			}
		}
		select {
		case <-r.Context().Done():
			return
		case <-stopped:
			return
		case <-over.C:
			return
		case <-next:
			say, next = "event: changed\ndata: .\n\n", nil
			rested.Reset(breather)
		case <-rested.C:
			say, next = "", changes
		case <-beat.C:
			say = ": still here\n\n"
		}
	}
}
