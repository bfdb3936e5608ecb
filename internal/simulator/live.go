package simulator

import (
	"net/http"

	"birdcar/web"
)

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

// streamChanges tells a page to reload its phones, until the page or the simulator
// goes away.
func (s *Simulator) streamChanges(w http.ResponseWriter, r *http.Request) {
	changes, cancel := s.watch()
	defer cancel()
	web.Stream(w, r, changes, s.stopped.Done())
}
