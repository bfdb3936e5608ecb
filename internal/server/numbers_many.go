package server

import (
	"errors"
	"net/http"
	"strings"

	"birdcar/internal/masking"
)

// maxListBody is room for some 40,000 numbers, encoded as browsers do.
const maxListBody = 1 << 20

// ownedPage shows what the account at the carrier owns.
type ownedPage struct {
	Problem string // why it is not known
	New     []masking.Number
	Known   int // that are in the pool already
}

func (s *Server) listOwned(w http.ResponseWriter, r *http.Request) error {
	var page ownedPage
	if s.OwnedNumbers == nil {
		page.Problem = "The carrier cannot be asked for the numbers of the account."
		return s.Render(w, r, http.StatusOK, "owned", page)
	}
	owned, err := s.OwnedNumbers(r.Context())
	var refused *masking.CarrierError
	if errors.As(err, &refused) {
		page.Problem = refused.Reason
		return s.Render(w, r, http.StatusBadGateway, "owned", page)
	} else if err != nil {
		return err
	}
	known, err := s.Store.PoolWith(r.Context(), owned)
	if err != nil {
		return err
	}
	inPool := make(map[masking.Number]bool, len(known))
	for _, n := range known {
		inPool[n] = true
	}
	for _, n := range owned {
		if inPool[n] {
			page.Known++
		} else {
			page.New = append(page.New, n)
		}
	}
	return s.Render(w, r, http.StatusOK, "owned", page)
}

type addedPage struct {
	Lines []addedLine
	Added int
}

type addedLine struct {
	Typed, Problem string
	Number         masking.ProxyNumber
}

// addNumbers adds the lines of the field numbers and every field number.
func (s *Server) addNumbers(w http.ResponseWriter, r *http.Request) error {
	takesLong(w)
	if err := readForm(r); err != nil {
		return err
	}
	pasted := masking.Clean(r.PostForm.Get("numbers"))
	lines, err := s.Exchange.AddNumbers(r.Context(), append(strings.Split(pasted, "\n"), r.PostForm["number"]...))
	if err != nil {
		return err
	}
	if len(lines) == 0 {
		f := newForm("number", "numbers")
		f.problems["numbers"] = "Type or choose at least one number."
		return s.showNumbers(w, r, http.StatusUnprocessableEntity, f)
	}
	var page addedPage
	for _, l := range lines {
		page.Lines = append(page.Lines, addedLine{Typed: l.Typed, Problem: l.Problem, Number: l.Added})
		if l.Problem == "" {
			page.Added++
		}
	}
	if page.Added == len(lines) {
		return s.redirect(w, r, "/numbers", count(page.Added, false, "number is", "numbers are")+" in the pool.")
	}
	return s.Render(w, r, http.StatusOK, "added", page)
}
