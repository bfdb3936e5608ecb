package simulator

import (
	"context"
	"slices"
	"time"
)

// queue is webhooks to post, the earliest due first. Simulator.mu guards it.
type queue struct {
	waiting []job
	woken   chan struct{}
}

// job is a webhook to post about the text id and its recipient to.
type job struct {
	id, to string
	due    time.Time
	tries  int // made before
}

func newQueue() queue { return queue{woken: make(chan struct{}, 1)} }

// put adds j behind those due at the same time or earlier.
func (q *queue) put(j job) {
	at := len(q.waiting)
	for at > 0 && q.waiting[at-1].due.After(j.due) {
		at--
	}
	q.waiting = slices.Insert(q.waiting, at, j)
	select {
	case q.woken <- struct{}{}:
	default:
	}
}

// work does q's jobs one by one as they fall due, until the simulator stops.
func (s *Simulator) work(q *queue, do func(context.Context, job)) {
	for s.stopped.Err() == nil {
		s.mu.Lock()
		wait := time.Hour
		if len(q.waiting) > 0 {
			wait = time.Until(q.waiting[0].due)
		}
		if wait <= 0 {
			j := q.waiting[0]
			q.waiting = q.waiting[1:]
			s.mu.Unlock()
			do(s.stopped, j)
			continue
		}
		s.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-s.stopped.Done():
		case <-q.woken:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// later puts j back for its next try, or reports that it had its last.
func (s *Simulator) later(q *queue, j job) bool {
	if j.tries >= len(s.pace.retries) {
		return false
	}
	j.due = time.Now().Add(s.pace.retries[j.tries])
	j.tries++
	s.mu.Lock()
	defer s.mu.Unlock()
	q.put(j)
	return true
}
