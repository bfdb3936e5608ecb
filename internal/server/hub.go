package server

import (
	"sync"

	"birdcar/internal/masking"
)

// unread is how many events wait for a slow subscriber before the oldest is dropped.
const unread = 64

// hub hands each event to every subscriber, and tells each watcher that one it
// wants has come. The zero hub is ready.
type hub struct {
	mu          sync.Mutex
	subscribers map[chan masking.Event]struct{}
	watchers    map[chan struct{}]func(masking.Event) bool
}

func (h *hub) publish(e masking.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for changes, wants := range h.watchers {
		if wants(e) {
			select {
			case changes <- struct{}{}:
			default: // it has not read the last one yet
			}
		}
	}
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

// watch tells that events came which are wanted, several perhaps as one, until
// cancel is called.
func (h *hub) watch(wants func(masking.Event) bool) (changes <-chan struct{}, cancel func()) {
	watcher := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = make(map[chan struct{}]func(masking.Event) bool)
	}
	h.watchers[watcher] = wants
	return watcher, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.watchers, watcher)
	}
}
