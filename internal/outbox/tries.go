package outbox

import (
	"sync"
	"sync/atomic"
	"time"
)

// tries remembers when the tries ended whose outcome is not known, by the
// process's own clock: one that is set must not make an early "no" believable.
type tries struct {
	mu    sync.Mutex
	begun time.Time
	ended map[int64]time.Time
}

func (t *tries) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun, t.ended = time.Now(), map[int64]time.Time{}
}

// end notes that a try to send a message ended just now.
func (t *tries) end(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended[id] = time.Now()
}

// since is how long ago the last try to send a message ended, and whether it was this process's.
// What this process did not try, one before it may have, until this one began.
func (t *tries) since(id int64) (ago time.Duration, ours bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ended, ok := t.ended[id]; ok {
		return time.Since(ended), true
	}
	return time.Since(t.begun), false
}

func (t *tries) forget(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ended, id)
}

// Counts is what became of messages since the start.
type Counts struct {
	Sent    int64 // the carrier took them
	Adopted int64 // of those, the ones that an earlier try had sent although it seemed to fail
	Retried int64 // tries that came to nothing and will be repeated
	Failed  int64 // given up
}

type counts struct{ sent, adopted, retried, failed atomic.Int64 }

// Counts is what became of messages since the start.
func (w *Worker) Counts() Counts {
	return Counts{
		Sent: w.counts.sent.Load(), Adopted: w.counts.adopted.Load(),
		Retried: w.counts.retried.Load(), Failed: w.counts.failed.Load(),
	}
}
