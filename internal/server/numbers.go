package server

import (
	"errors"
	"net/http"

	"birdcar/internal/masking"
)

type numbersPage struct {
	Numbers []masking.ProxyNumber
	Form    form
}

func (s *Server) listNumbers(w http.ResponseWriter, r *http.Request) error {
	return s.showNumbers(w, r, http.StatusOK, newForm("number"))
}

func (s *Server) addNumber(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	f := typedForm(r, "number")
	added, err := s.Exchange.AddNumber(r.Context(), f.Value("number"))
	switch {
	case errors.As(err, &f.problems):
		return s.showNumbers(w, r, http.StatusUnprocessableEntity, f)
	case err != nil:
		return err
	}
	return s.redirect(w, r, "/numbers", added.Number.Grouped()+" is in the pool.")
}

func (s *Server) showNumbers(w http.ResponseWriter, r *http.Request, status int, f form) error {
	numbers, err := s.Store.ProxyNumbers(r.Context())
	if err != nil {
		return err
	}
	return s.Render(w, r, status, "numbers", numbersPage{Numbers: numbers, Form: f})
}
