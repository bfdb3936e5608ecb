package server

import (
	"errors"
	"net/http"
	"strconv"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const numbersOnPage = 100

type numbersPage struct {
	Pool    pool
	Query   string
	State   masking.PoolState // of the numbers shown; empty: any
	Tabs    []tab
	Numbers []numberRow
	Later   bool
	Next    string // where the list goes on; empty: it does not
	Here    string // the list's first page
	Form    form
}

type numberRow struct {
	masking.ProxyNumber
	Days sparkline
}

func (s *Server) listNumbers(w http.ResponseWriter, r *http.Request) error {
	return s.showNumbers(w, r, http.StatusOK, newForm("number", "numbers"))
}

func (s *Server) addNumber(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	f := newForm("number", "numbers")
	f.values.Set("number", masking.CleanLine(r.PostForm.Get("number")))
	added, err := s.Exchange.AddNumber(r.Context(), f.Value("number"))
	switch {
	case errors.As(err, &f.problems):
		return s.showNumbers(w, r, http.StatusUnprocessableEntity, f)
	case err != nil:
		return err
	}
	return s.redirect(w, r, "/numbers", added.Number.Grouped()+" is in the pool.")
}

func (s *Server) showNumbers(w http.ResponseWriter, r *http.Request, status int, f form) (err error) {
	ctx, query := r.Context(), r.URL.Query()
	page := numbersPage{Query: masking.CleanLine(query.Get("q")), Form: f}
	q := store.NumberList{State: masking.PoolState(query.Get("state")), Terms: s.terms(page.Query),
		After: readID(query.Get("after")), Limit: numbersOnPage}
	page.State, page.Later = q.State, q.After > 0
	page.Here = address("/numbers", "q", page.Query, "state", string(q.State))
	for _, t := range []struct {
		name  string
		state masking.PoolState
	}{{"All", ""}, {"Available", masking.Available}, {"Draining", masking.Draining}, {"Retired", masking.Retired}} {
		page.Tabs = append(page.Tabs, tab{Name: t.name, Current: q.State == t.state,
			Href: address("/numbers", "q", page.Query, "state", string(t.state))})
	}
	if page.Pool, err = s.pool(ctx); err != nil {
		return err
	}
	numbers, more, err := s.Store.ListNumbers(ctx, q)
	if err != nil {
		return err
	} else if more {
		page.Next = address("/numbers", "q", page.Query, "state", string(q.State), "after", strconv.FormatInt(numbers[len(numbers)-1].ID, 10))
	}
	if page.Numbers, err = s.withDays(r, numbers); err != nil {
		return err
	}
	return s.Render(w, r, status, "numbers", page)
}

// chartDays is how many days a number's chart has.
const chartDays = 14

// withDays adds each number's chart.
func (s *Server) withDays(r *http.Request, numbers []masking.ProxyNumber) ([]numberRow, error) {
	of := make([]masking.Number, len(numbers))
	for i, n := range numbers {
		of[i] = n.Number
	}
	days, err := s.Store.NumberDays(r.Context(), of, s.today().AddDate(0, 0, 1-chartDays), s.today(), s.Zone)
	if err != nil {
		return nil, err
	}
	rows := make([]numberRow, len(numbers))
	for i, n := range numbers {
		rows[i] = numberRow{n, newSparkline(days[n.Number])}
	}
	return rows, nil
}
