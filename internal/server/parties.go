package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/web"
)

// people is what the pages of customers and of drivers call them.
type people struct {
	Role  masking.Role
	Path  string
	Title string
	Label string
	One   string
	Use   string // what they are on the list for
}

var (
	customers = people{masking.Customer, "/customers", "Customers", "Customer", "customer", "They are picked up, and reach their driver through a proxy number."}
	drivers   = people{masking.Driver, "/drivers", "Drivers", "Driver", "driver", "They drive, and reach their customer through a proxy number."}
)

const (
	partiesOnPage = 100
	countedPeople = 10_000 // more are not counted one by one
)

type partiesPage struct {
	People  people
	Query   string
	Parties []masking.Party
	Count   int // of everybody on the list; above countedPeople: more
	Later   bool
	Next    string // where the list goes on; empty: it does not
	Form    form
}

// Many reports whether there are more people than are counted.
func (p partiesPage) Many() bool { return p.Count > countedPeople }

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
		return s.redirect(w, r, who.Path, fmt.Sprintf("%s is on the list of %ss. The number is read as %v%s.",
			web.Isolated(party.Name), who.One, party.Number, countryOf(party.Number)))
	}
}

// countryOf is a number's country, behind the number.
func countryOf(n masking.Number) string {
	if country := n.Country(); country != "ZZ" {
		return " (" + country + ")"
	}
	return ""
}

// showParties fills in what page lacks and shows it.
func (s *Server) showParties(w http.ResponseWriter, r *http.Request, status int, page partiesPage) error {
	ctx, query := r.Context(), r.URL.Query()
	page.Query = masking.CleanLine(query.Get("q"))
	after := readID(query.Get("after"))
	page.Later = after > 0
	var more bool
	var err error
	page.Parties, more, err = s.Store.ListParties(ctx, store.PartyList{Role: page.People.Role,
		Terms: s.terms(page.Query), After: after, Limit: partiesOnPage})
	if err != nil {
		return err
	}
	if more {
		page.Next = address(page.People.Path, "q", page.Query, "after", strconv.FormatInt(page.Parties[len(page.Parties)-1].ID, 10))
	}
	if page.Count, err = s.Store.CountParties(ctx, page.People.Role, countedPeople+1); err != nil {
		return err
	}
	return s.Render(w, r, status, "parties", page)
}

// terms reads a search. What holds neither a word nor a number finds nothing: it is no search for
// everybody.
func (s *Server) terms(query string) []masking.Term {
	terms := masking.Terms(query, s.Country)
	if len(terms) == 0 && query != "" {
		return []masking.Term{{Word: query}} // which no word begins with
	}
	return terms
}

// address is a path with a query of names and values in turn; empty values are left out.
func address(path string, query ...string) string {
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		if query[i+1] != "" {
			values.Set(query[i], query[i+1])
		}
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
