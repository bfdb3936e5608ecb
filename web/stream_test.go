package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// watched is an open stream of a page that goes away with the test.
func watched(t *testing.T, changes, stopped chan struct{}) (*httptest.ResponseRecorder, chan struct{}) {
	ctx, leave := context.WithCancel(t.Context())
	t.Cleanup(leave)
	w, ended := httptest.NewRecorder(), make(chan struct{})
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
			return strings.Count(w.Body.String(), "event: changed\n")
		}
		change := func() {
			select {
			case changes <- struct{}{}:
			default:
			}
		}
		if !w.Flushed || told() != 0 {
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
		time.Sleep(time.Hour)
		if told() != 2 || strings.Count(w.Body.String(), ": still here") < 200 {
			t.Error("a quiet hour was not kept alive quietly")
		}
		change()
		if told() != 3 {
			t.Error("a change after a quiet hour was not told at once")
		}
		close(stopped)
		<-ended
	})
}
