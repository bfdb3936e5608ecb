package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// page is what a page was told so far.
type page struct {
	mu sync.Mutex
	*httptest.ResponseRecorder
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ResponseRecorder.Write(b)
}

func (p *page) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ResponseRecorder.Flush()
}

// told is what arrived, and whether it was sent on its way.
func (p *page) told() (text string, flushed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.Body.String(), p.Flushed
}

// watched is an open stream of a page that goes away with the test.
func watched(t *testing.T, changes, stopped chan struct{}) (*page, chan struct{}) {
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	w, ended := &page{ResponseRecorder: httptest.NewRecorder()}, make(chan struct{})
	go func() {
		Stream(w, httptest.NewRequestWithContext(ctx, "GET", "/events", nil), changes, stopped)
		close(ended)
	}()
	synctest.Wait()
	return w, ended
}

// A change is told at once; those that follow on its heels are told as one.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		changes, stopped := make(chan struct{}, 1), make(chan struct{})
		w, ended := watched(t, changes, stopped)
		told := func() int {
			synctest.Wait()
			text, _ := w.told()
			return strings.Count(text, "event: changed\n")
		}
		change := func() {
			select {
			case changes <- struct{}{}:
			default:
			}
		}
		if _, flushed := w.told(); !flushed || told() != 0 {
			t.Fatal("the connection itself was not told")
		}
		change()
		if told() != 1 {
			t.Error("the first change was not told at once")
		}
		for range 100 {
			change()
			synctest.Wait()
		}
		if told() != 1 {
			t.Errorf("100 changes in no time were told as %d", told()-1)
		}
		time.Sleep(breather)
		if told() != 2 {
			t.Errorf("after a breather %d were told, want one more", told()-1)
		}
		time.Sleep(longest / 2)
		if text, _ := w.told(); told() != 2 || strings.Count(text, ": still here") < 10 {
			t.Error("quiet minutes were not kept alive quietly")
		}
		change()
		if told() != 3 {
			t.Error("a change after quiet minutes was not told at once")
		}
		close(stopped)
		<-ended
	})
}

// A stream ends by itself, so that whether the page may have one is asked anew.
func TestStream_Ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		_, ended := watched(t, make(chan struct{}), make(chan struct{}))
		<-ended
		if took := time.Since(began); took != longest {
			t.Errorf("the stream lasted %v", took)
		}
	})
}
