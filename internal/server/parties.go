package server

import (
	"errors"
	"fmt"
	"net/http"

	"birdcar/internal/masking"
)

// people is what the pages of customers and of drivers call them.
type people struct {
	Role  masking.Role
	Path  string
	Title string
	One   string
	Use   string // what they are on the list for
}

var (
	customers = people{masking.Customer, "/customers", "Customers", "customer", "They are picked up, and reach their driver through a proxy number."}
	drivers   = people{masking.Driver, "/drivers", "Drivers", "driver", "They drive, and reach their customer through a proxy number."}
)

type partiesPage struct {
	People  people
	Parties []masking.Party
	Form    form
}

func (s *Server) listParties(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.showParties(w, r, http.StatusOK, partiesPage{People: who, Form: newForm("name", "number")})
	}
}

func (s *Server) addParty(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := readForm(r); err != nil {
			return err
		}
		f := typedForm(r, "name", "number")
		party, err := s.Exchange.AddParty(r.Context(), who.Role, f.Value("name"), f.Value("number"))
		switch {
		case errors.As(err, &f.problems):
			return s.showParties(w, r, http.StatusUnprocessableEntity, partiesPage{People: who, Form: f})
		case err != nil:
			return err
		}
		return s.redirect(w, r, who.Path, fmt.Sprintf("%s is on the list of %ss.", party.Name, who.One))
	}
}

func (s *Server) showParties(w http.ResponseWriter, r *http.Request, status int, page partiesPage) error {
	var err error
	if page.Parties, err = s.Store.Parties(r.Context(), page.People.Role); err != nil {
		return err
	}
	return s.Render(w, r, status, "parties", page)
}
