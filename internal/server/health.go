package server

import "net/http"

// healthz says that the process answers.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { ok(w) }

// readyz says that BirdCar can serve: its database reads and writes.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.Store.Ping(r.Context()); err != nil {
		s.Log.Error("not ready", "err", err)
		w.Header().Set("Retry-After", retryAfter)
		oneLine(w, http.StatusServiceUnavailable, "The database cannot be read and written.")
		return
	}
	ok(w)
}

// ok is the answer that machines look for.
func ok(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("OK")) // the visitor has gone
}
