package simulator

import (
	"fmt"
	"net/http"
	"time"
)

// heartbeat keeps proxies from closing a quiet connection.
const heartbeat = 15 * time.Second

// changed tells the pages that something on the phones changed. The caller holds mu.
func (s *Simulator) changed() {
	for watcher := range s.watchers {
		select {
		case watcher <- struct{}{}:
		default: // it has not read the last one yet
		}
	}
}

// watch hears of changes until cancel is called. Several may come as one.
func (s *Simulator) watch() (changes <-chan struct{}, cancel func()) {
	watcher := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[watcher] = struct{}{}
	return watcher, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, watcher)
	}
}

// streamChanges tells a page to reload its phones, as server-sent events, until
// the page or the simulator goes away.
func (s *Simulator) streamChanges(w http.ResponseWriter, r *http.Request) {
	changes, cancel := s.watch()
	defer cancel()
	stream := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	// A server's time limits are not meant for this answer: the one for reading the
	// request would end it too. Where there are none to clear, all the better.
	_ = stream.SetReadDeadline(time.Time{})
	_ = stream.SetWriteDeadline(time.Time{})
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	say := ": hello\nretry: 1000\n\n"
	for {
		if _, err := fmt.Fprint(w, say); err != nil {
			return
		}
		if err := stream.Flush(); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.stopped.Done():
			return
		case <-changes:
			say = "event: changed\ndata: phones\n\n"
		case <-beat.C:
			say = ": still here\n\n"
		}
	}
}
