package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/masking"
	"birdcar/web"
)

// partyRides is how many rides a person's page shows.
const partyRides = 50

type partyPage struct {
	People    people
	Party     masking.Party
	Rides     []masking.Ride // newest first
	MoreRides bool
	Form      form
}

// Path is the address of the person's page.
func (p partyPage) Path() string { return personPath(p.People, p.Party.ID) }

// Other is the other party of a ride.
func (p partyPage) Other(r masking.Ride) masking.Party { return r.Other(p.People.Role) }

func personPath(who people, id int64) string { return who.Path + "/" + strconv.FormatInt(id, 10) }

// party is the customer or driver whom the address names.
func (s *Server) party(r *http.Request, who people) (masking.Party, error) {
	return s.Store.Party(r.Context(), who.Role, readID(chi.URLParam(r, "id")))
}

func (s *Server) showParty(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		party, err := s.party(r, who)
		if err != nil {
			return err
		}
		f := newForm("name", "number")
		f.values.Set("name", party.Name)
		f.values.Set("number", party.Number.Grouped())
		return s.renderParty(w, r, http.StatusOK, partyPage{People: who, Party: party, Form: f})
	}
}

func (s *Server) changeParty(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := readForm(r); err != nil {
			return err
		}
		party, err := s.party(r, who)
		if err != nil {
			return err
		}
		f := typedForm(r, "name", "number")
		changed, err := s.Exchange.ChangeParty(r.Context(), who.Role, party.ID, f.Value("name"), f.Value("number"))
		switch {
		case errors.As(err, &f.problems):
			return s.renderParty(w, r, http.StatusUnprocessableEntity, partyPage{People: who, Party: party, Form: f})
		case err != nil:
			return err
		}
		flash := web.Isolated(changed.Name) + " is saved."
		if changed.Number != party.Number {
			flash = fmt.Sprintf("%s is saved. Current rides and texts on their way go to the new number.", web.Isolated(changed.Name))
		}
		return s.redirect(w, r, personPath(who, party.ID), flash)
	}
}

func (s *Server) renderParty(w http.ResponseWriter, r *http.Request, status int, page partyPage) error {
	var err error
	if page.Rides, err = s.Store.RidesOf(r.Context(), page.People.Role, page.Party.ID, partyRides+1); err != nil {
		return err
	}
	if len(page.Rides) > partyRides {
		page.Rides, page.MoreRides = page.Rides[:partyRides], true
	}
	return s.Render(w, r, status, "party", page)
}

func (s *Server) askDeleteParty(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		party, err := s.party(r, who)
		if err != nil {
			return err
		}
		q := s.deleteQuestion(who, party)
		rides, err := s.Store.LiveRides(r.Context(), who.Role, party.ID)
		if err != nil {
			return err
		} else if len(rides) > 0 {
			q.Problem = masking.ProblemHasRide(web.Isolated(party.Name), rides[0].ID)
		}
		return s.ask(w, r, q)
	}
}

func (s *Server) deleteParty(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		party, err := s.party(r, who)
		if err != nil {
			return err
		}
		if err := s.Exchange.DeleteParty(r.Context(), who.Role, party.ID); err != nil {
			return s.decline(w, r, s.deleteQuestion(who, party), err)
		}
		return s.redirect(w, r, who.Path, fmt.Sprintf("%s is off the list of %ss.", web.Isolated(party.Name), who.One))
	}
}

func (s *Server) deleteQuestion(who people, p masking.Party) question {
	name, past := web.Isolated(p.Name), "Past rides still show the name."
	if kept := s.kept(); kept != "" {
		past = fmt.Sprintf("Past rides still show the name, until they are deleted: %s after each closed.", kept)
	}
	return question{
		Title: "Delete " + name + "?",
		Facts: []string{
			fmt.Sprintf("%s, %s, leaves the list of %ss and can no longer be chosen for rides.", name, p.Number.Grouped(), who.One),
			past,
			"Nobody gets a text about it.",
		},
		Action: personPath(who, p.ID) + "/delete",
		Verb:   "Delete " + name,
		Back:   personPath(who, p.ID),
	}
}
