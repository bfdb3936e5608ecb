package server

import (
	"net/http"

	"birdcar/internal/masking"
)

const (
	homeRides   = 100 // the newest current rides
	homeNumbers = 12  // of the pool; /numbers shows all
)

type homePage struct {
	Rides     []masking.Ride
	MoreRides bool
	Lingering int // of Rides
	Numbers   []masking.ProxyNumber
	Available int // numbers that new rides may get
	InUse     int // numbers that connect somebody
	PoolEmpty bool

	Customer, Driver picker
	Form             form
	ShowForm         bool // false: something that every ride needs is missing
}

// FirstNumbers are the numbers that fit on the page.
func (p homePage) FirstNumbers() []masking.ProxyNumber {
	return p.Numbers[:min(len(p.Numbers), homeNumbers)]
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
	if page.Rides, err = s.Store.CurrentRides(ctx, homeRides+1); err != nil {
		return err
	}
	if page.Numbers, err = s.Store.ProxyNumbers(ctx); err != nil {
		return err
	}
	if page.Customer, err = s.picker(ctx, customers, page.Form); err != nil {
		return err
	}
	if page.Driver, err = s.picker(ctx, drivers, page.Form); err != nil {
		return err
	}
	if len(page.Rides) > homeRides {
		page.Rides, page.MoreRides = page.Rides[:homeRides], true
	}
	for _, ride := range page.Rides {
		if ride.State == masking.Lingering {
			page.Lingering++
		}
	}
	for _, n := range page.Numbers {
		if n.State == masking.Available {
			page.Available++
		}
		if n.LiveRoutes > 0 {
			page.InUse++
		}
	}
	page.ShowForm = status != http.StatusOK ||
		page.Customer.Any() && page.Driver.Any() && len(page.Numbers) > 0
	return s.Render(w, r, status, "home", page)
}
