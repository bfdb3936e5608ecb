package server

import (
	"sync"

	"birdcar/internal/masking"
)

// unread is how many events wait for a slow subscriber before the oldest is dropped.
const unread = 64

// hub hands each event to every subscriber. The zero hub is ready.
type hub struct {
	mu          sync.Mutex
	subscribers map[chan masking.Event]struct{}
}

func (h *hub) publish(e masking.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for events := range h.subscribers {
		select {
		case events <- e:
			continue
		default:
		}
		// Only this function sends, and it holds the lock: after taking one out
		// there is room, whether we took it or the subscriber did.
		select {
		case <-events:
		default:
		}
		events <- e
	}
}

func (h *hub) subscribe() (<-chan masking.Event, func()) {
	events := make(chan masking.Event, unread)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.subscribers == nil {
		h.subscribers = make(map[chan masking.Event]struct{})
	}
	h.subscribers[events] = struct{}{}
	return events, sync.OnceFunc(func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.subscribers, events)
		close(events)
	})
}
