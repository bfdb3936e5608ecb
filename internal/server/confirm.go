package server

import (
	"errors"
	"net/http"

	"birdcar/internal/masking"
)

// question is the page before something that cannot be taken back: a link leads
// to it, and only its button does it. It works with and without JavaScript.
type question struct {
	Title   string   // "Delete Ada Lovelace?"
	Facts   []string // what will happen, and to whom
	Action  string   // where its button posts to
	Verb    string   // what its button says: "Delete Ada Lovelace"
	Back    string   // where its other link leads
	Problem string   // why it cannot be done; then there is no button
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request, q question) error {
	return s.Render(w, r, http.StatusOK, "confirm", q)
}

// decline shows a question again when err says that it cannot be done; other
// errors are returned.
func (s *Server) decline(w http.ResponseWriter, r *http.Request, q question, err error) error {
	var bad masking.Invalid
	if !errors.As(err, &bad) {
		return err
	}
	for _, q.Problem = range bad { // one, whichever its field
	}
	return s.Render(w, r, http.StatusConflict, "confirm", q)
}
