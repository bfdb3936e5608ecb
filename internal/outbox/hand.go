package outbox

import (
	"sync"
	"time"

	"birdcar/internal/masking"
)

// hand holds the messages that this process has claimed, those that wait and those that are
// being sent.
type hand struct {
	mu      sync.Mutex
	some    sync.Cond
	waiting []masking.Message
	held    map[int64]claim // all of it
	closed  bool
}

// claim is a message in hand, whose Due is when the claim lapses. One that is
// given back may be claimed again before it is dropped.
type claim struct {
	masking.Message
	times int
}

func newHand() *hand {
	h := &hand{held: map[int64]claim{}}
	h.some.L = &h.mu
	return h
}

func (h *hand) put(messages ...masking.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting = append(h.waiting, messages...)
	for _, m := range messages {
		h.held[m.ID] = claim{m, h.held[m.ID].times + 1}
		h.some.Signal()
	}
}

// take waits for the oldest of what waits; ok is false once the hand is closed.
// Who takes a message drops it in the end.
func (h *hand) take() (m masking.Message, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.waiting) == 0 && !h.closed {
		h.some.Wait()
	}
	if h.closed {
		return m, false
	}
	m, h.waiting = h.waiting[0], h.waiting[1:]
	return m, true
}

func (h *hand) drop(id int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c := h.held[id]; c.times > 1 {
		h.held[id] = claim{c.Message, c.times - 1}
		return
	}
	delete(h.held, id)
}

// lasts reports whether the claim of a message is the newest that is held, and does not lapse before t.
func (h *hand) lasts(m masking.Message, t time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	held := h.held[m.ID]
	return held.Attempts == m.Attempts && !held.Due.Before(t)
}

// lapsing is what lapses before t unless it is renewed.
func (h *hand) lapsing(t time.Time) (claims []masking.Message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.held {
		if c.Due.Before(t) {
			claims = append(claims, c.Message)
		}
	}
	return claims
}

// renewed notes that claims now last until due.
func (h *hand) renewed(claims []masking.Message, due time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range claims {
		if held, ok := h.held[m.ID]; ok && held.Attempts == m.Attempts {
			held.Due = due
			h.held[m.ID] = held
		}
	}
}

// close ends every take.
func (h *hand) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	h.some.Broadcast()
}

// rest empties the hand of what nobody took.
func (h *hand) rest() []masking.Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	waiting := h.waiting
	h.waiting = nil
	return waiting
}

// size is how many messages wait for a goroutine.
func (h *hand) size() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}
