package server

import (
	"context"
	"net/http"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	homeRides   = 100 // the newest current ones, and as many of those over today
	homeNumbers = 12  // of the pool; /numbers shows all
)

type homePage struct {
	Health
	Current     []masking.Ride
	MoreCurrent bool
	Over        []masking.Ride // of today
	MoreOver    bool
	Today       string // as addresses have it: 2026-11-30

	Numbers     []masking.ProxyNumber // the first of the pool
	MoreNumbers bool
	PoolEmpty   bool

	Customer, Driver picker
	Form             form
	Earliest         string // that a ride may begin, as a browser takes it: one before would be over at once
	ShowForm         bool   // false: something that every ride needs is missing
}

// newRideForm has what somebody searches for beside the fields of a ride.
func newRideForm() form {
	return newForm("customer", "driver", "start", "destination", "datetime", queryName("customer"), queryName("driver"))
}

// home takes the form's values from the query too: a search for somebody, without
// JavaScript, loads the page anew and keeps what was typed.
func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	f, query := newRideForm(), r.URL.Query()
	for _, name := range f.fields {
		f.values.Set(name, masking.CleanLine(query.Get(name)))
	}
	return s.showHome(w, r, http.StatusOK, homePage{Form: f})
}

// showHome fills in what page lacks and shows it.
func (s *Server) showHome(w http.ResponseWriter, r *http.Request, status int, page homePage) error {
	ctx := r.Context()
	var err error
	if page.Health, err = s.health(ctx); err != nil {
		return err
	}
	if err := s.ridesToday(ctx, &page); err != nil {
		return err
	}
	if page.Numbers, page.MoreNumbers, err = s.Store.ListNumbers(ctx, store.NumberList{Limit: homeNumbers}); err != nil {
		return err
	}
	if page.Customer, err = s.picker(ctx, customers, page.Form); err != nil {
		return err
	}
	if page.Driver, err = s.picker(ctx, drivers, page.Form); err != nil {
		return err
	}
	page.Earliest = s.Now().Add(-s.Exchange.RideLimit).In(s.Zone).Format("2006-01-02T15:04")
	page.ShowForm = status != http.StatusOK ||
		page.Customer.Any() && page.Driver.Any() && len(page.Numbers) > 0
	return s.Render(w, r, status, "home", page)
}

// ridesToday are those that connect somebody, whenever they are, and those of
// today that are over.
func (s *Server) ridesToday(ctx context.Context, page *homePage) (err error) {
	if page.Current, err = s.Store.CurrentRides(ctx, homeRides+1); err != nil {
		return err
	}
	if page.MoreCurrent = len(page.Current) > homeRides; page.MoreCurrent {
		page.Current = page.Current[:homeRides]
	}
	now := s.today()
	page.Today = now.Format(time.DateOnly)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.Zone)
	over, err := s.Store.RideList(ctx, store.RideFilter{State: masking.Closed, From: midnight, Until: midnight.AddDate(0, 0, 1)},
		store.Span{Limit: homeRides})
	page.Over, page.MoreOver = over.Rides, over.More
	return err
}
