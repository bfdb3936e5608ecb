package server

import (
	"net/http"
	"sync"
	"time"
)

// webhookKind is what a webhook brings.
type webhookKind string

const (
	textHook   webhookKind = "text"
	callHook   webhookKind = "call"
	reportHook webhookKind = "report"
)

// seen remembers when the carrier's webhooks came last, for the setup page. It
// starts anew with the process. The zero seen is ready.
type seen struct {
	mu             sync.Mutex
	taken, refused map[webhookKind]time.Time
}

func (s *seen) note(kind webhookKind, status int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken == nil {
		s.taken, s.refused = map[webhookKind]time.Time{}, map[webhookKind]time.Time{}
	}
	switch status {
	case http.StatusOK:
		s.taken[kind] = now
	case http.StatusUnauthorized:
		s.refused[kind] = now
	}
}

// last is when webhooks of a kind were taken and refused last; zero: not since the start.
func (s *seen) last(kind webhookKind) (taken, refused time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[kind], s.refused[kind]
}
