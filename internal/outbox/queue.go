package outbox

import (
	"sync"

	"birdcar/internal/masking"
)

// queue is what is claimed for this process and waits for a worker.
type queue struct {
	mu     sync.Mutex
	some   sync.Cond
	items  []masking.Message
	closed bool
}

func newQueue() *queue {
	q := &queue{}
	q.some.L = &q.mu
	return q
}

func (q *queue) put(messages ...masking.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, messages...)
	if len(messages) == 1 {
		q.some.Signal()
	} else {
		q.some.Broadcast()
	}
}

// take waits for the oldest item; ok is false once the queue is closed.
func (q *queue) take() (m masking.Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 && !q.closed {
		q.some.Wait()
	}
	if q.closed {
		return m, false
	}
	m, q.items = q.items[0], q.items[1:]
	return m, true
}

// close ends every take, and returns what nobody took; what is put later stays in rest.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.some.Broadcast()
}

func (q *queue) rest() []masking.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	return items
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items)
}
