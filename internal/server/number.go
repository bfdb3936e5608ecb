package server

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/masking"
)

// numberRides is how many of its rides a number's page shows.
const numberRides = 50

type numberPage struct {
	numberRow
	Rides     []masking.Ride // that it connects now, newest first
	MoreRides bool
	Named     bool // so that it cannot be deleted
}

// Path is the address of the number's page.
func (p numberPage) Path() string { return numberPath(p.ID) }

func numberPath(id int64) string { return "/numbers/" + strconv.FormatInt(id, 10) }

// number is the proxy number that the address names.
func (s *Server) number(r *http.Request) (masking.ProxyNumber, error) {
	return s.Store.ProxyNumber(r.Context(), readID(chi.URLParam(r, "id")))
}

func (s *Server) showNumber(w http.ResponseWriter, r *http.Request) error {
	number, err := s.number(r)
	if err != nil {
		return err
	}
	rows, err := s.withDays(r, []masking.ProxyNumber{number})
	if err != nil {
		return err
	}
	page := numberPage{numberRow: rows[0]}
	if page.Rides, err = s.Store.RidesOn(r.Context(), number.ID, numberRides+1); err != nil {
		return err
	}
	if len(page.Rides) > numberRides {
		page.Rides, page.MoreRides = page.Rides[:numberRides], true
	}
	if page.Named, err = s.Store.NumberIsNamed(r.Context(), number.ID); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, "number", page)
}

// setNumber moves a number to a state that takes nothing from anybody: a draining
// number goes on connecting its rides.
func (s *Server) setNumber(state masking.PoolState, flash string) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		number, err := s.number(r)
		if err != nil {
			return err
		}
		if err := s.Exchange.SetPoolState(r.Context(), number.ID, state); err != nil {
			return err
		}
		return s.redirect(w, r, numberPath(number.ID), number.Number.Grouped()+" "+flash)
	}
}

func (s *Server) askRetireNumber(w http.ResponseWriter, r *http.Request) error {
	number, err := s.number(r)
	if err != nil {
		return err
	}
	return s.ask(w, r, retireQuestion(number))
}

func (s *Server) retireNumber(w http.ResponseWriter, r *http.Request) error {
	number, err := s.number(r)
	if err != nil {
		return err
	}
	if err := s.Exchange.SetPoolState(r.Context(), number.ID, masking.Retired); err != nil {
		return s.decline(w, r, retireQuestion(number), err)
	}
	return s.redirect(w, r, numberPath(number.ID), number.Number.Grouped()+" is retired.")
}

func retireQuestion(n masking.ProxyNumber) question {
	q := question{
		Title: "Retire " + n.Number.Grouped() + "?",
		Facts: []string{
			"No new ride gets this number.",
			"Whoever calls it hears that their ride has ended, or that we cannot identify it, as long as its flows lead here.",
			"Past rides still show it, and it can be made available again.",
		},
		Action: numberPath(n.ID) + "/retire",
		Verb:   "Retire the number",
		Back:   numberPath(n.ID),
	}
	if n.LiveRoutes > 0 {
		q.Problem = masking.ProblemConnects
	}
	return q
}

func (s *Server) askDeleteNumber(w http.ResponseWriter, r *http.Request) error {
	number, err := s.number(r)
	if err != nil {
		return err
	}
	named, err := s.Store.NumberIsNamed(r.Context(), number.ID)
	if err != nil {
		return err
	}
	q := deleteNumberQuestion(number)
	if named {
		q.Problem = masking.ProblemHadRides
	}
	return s.ask(w, r, q)
}

func (s *Server) deleteNumber(w http.ResponseWriter, r *http.Request) error {
	number, err := s.number(r)
	if err != nil {
		return err
	}
	if err := s.Exchange.DeleteNumber(r.Context(), number.ID); err != nil {
		return s.decline(w, r, deleteNumberQuestion(number), err)
	}
	return s.redirect(w, r, "/numbers", number.Number.Grouped()+" is out of the pool.")
}

func deleteNumberQuestion(n masking.ProxyNumber) question {
	return question{
		Title:  "Delete " + n.Number.Grouped() + "?",
		Facts:  []string{"The number leaves the pool. No ride that is kept has it, so nobody is cut off.", "Your account at MessageBird keeps it."},
		Action: numberPath(n.ID) + "/delete",
		Verb:   "Delete the number",
		Back:   numberPath(n.ID),
	}
}
