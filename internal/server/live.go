package server

import (
	"net/http"

	"birdcar/internal/masking"
	"birdcar/web"
)

// liveHeader marks the requests of app.js for the live parts of a page that is
// shown already.
const liveHeader = "X-Live"

// events tells a page that what it shows may have changed: with ?ride= something
// about that ride, with ?about=sending only whether texts leave.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	ride, sending := readID(query.Get("ride")), query.Get("about") == "sending"
	changes, cancel := s.hub.watch(func(e masking.Event) bool {
		return e.Kind == masking.SendingMoved || !sending && (ride == 0 || e.RideID == ride)
	})
	defer cancel()
	web.Stream(w, r, changes, s.stopping)
}

// EndStreams ends the answers that never end by themselves, for a shutdown.
func (s *Server) EndStreams() { s.endStreams() }
