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

	Customers, Drivers []masking.Party
	Form               form
	ShowForm           bool // false: something that every ride needs is missing
}

// FirstNumbers are the numbers that fit on the page.
func (p homePage) FirstNumbers() []masking.ProxyNumber {
	return p.Numbers[:min(len(p.Numbers), homeNumbers)]
}

func newRideForm() form { return newForm("customer", "driver", "start", "destination", "datetime") }

func (s *Server) home(w http.ResponseWriter, r *http.Request) error {
	return s.showHome(w, r, http.StatusOK, homePage{Form: newRideForm()})
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
	if page.Customers, err = s.Store.Parties(ctx, masking.Customer); err != nil {
		return err
	}
	if page.Drivers, err = s.Store.Parties(ctx, masking.Driver); err != nil {
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
		len(page.Customers) > 0 && len(page.Drivers) > 0 && len(page.Numbers) > 0
	return s.Render(w, r, status, "home", page)
}
