package server

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	pickable = 200 // people that a drop-down lists; of more it lists those found
	pickOf   = 50  // of those found
)

// picker is the choice of a ride's customer or driver. Of few people it is a
// drop-down; of many, a drop-down of those that a search found. What it posts is the
// field of the role, as an id.
type picker struct {
	field
	Who    people
	Search bool // there are many
	Query  string
	Found  []masking.Party
	More   bool            // were found
	Kept   []masking.Party // whoever was chosen before, when not among those found
	Chosen int64
}

// Any reports whether there is anybody to choose.
func (p picker) Any() bool { return p.Search || len(p.Found) > 0 }

// QueryName is the field that the search is typed into.
func (p picker) QueryName() string { return queryName(p.Name) }

func queryName(role string) string { return role + "_q" }

// picker is the form's choice of somebody.
func (s *Server) picker(ctx context.Context, who people, f form) (picker, error) {
	chosen, err := f.Field(string(who.Role))
	if err != nil {
		return picker{}, err
	}
	p := picker{field: chosen, Who: who, Query: f.Value(queryName(string(who.Role))),
		Chosen: readID(f.Value(string(who.Role)))}
	count, err := s.Store.CountParties(ctx, who.Role, pickable+1)
	if err != nil {
		return p, err
	}
	if p.Search = count > pickable; p.Search {
		return p, s.find(ctx, who, &p)
	}
	p.Found, _, err = s.Store.ListParties(ctx, store.PartyList{Role: who.Role, Limit: pickable})
	return p, err
}

// find fills in the people whom p's query finds, and whoever was chosen before.
func (s *Server) find(ctx context.Context, who people, p *picker) (err error) {
	p.Found, p.More, err = s.Store.ListParties(ctx, store.PartyList{Role: who.Role, Terms: s.terms(p.Query), Limit: pickOf})
	if err != nil || p.Chosen == 0 {
		return err
	}
	for _, found := range p.Found {
		if found.ID == p.Chosen {
			return nil
		}
	}
	chosen, err := s.Store.Party(ctx, who.Role, p.Chosen)
	if errors.Is(err, masking.ErrNotFound) {
		return nil
	}
	p.Kept = []masking.Party{chosen}
	return err
}

// options answers picker.js with the people whom ?q= finds, as options of a drop-down.
func (s *Server) options(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		query := r.URL.Query()
		p := picker{Who: who, Search: true, Query: masking.CleanLine(query.Get("q")), Chosen: readID(query.Get("chosen"))}
		if err := s.find(r.Context(), who, &p); err != nil {
			return err
		}
		var b bytes.Buffer
		if err := s.pages["home"].ExecuteTemplate(&b, "picker-options", p); err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(b.Len()))
		_, _ = w.Write(b.Bytes()) // the visitor has gone
		return nil
	}
}
