package server

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"birdcar/internal/masking"
)

func (s *Server) createRide(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	f := typedForm(r, newRideForm().fields...)
	at, skipped := readTime(f.Value("datetime"), s.Zone)
	ride, err := s.Exchange.ScheduleRide(r.Context(), masking.RideRequest{
		CustomerID:  readID(f.Value("customer")),
		DriverID:    readID(f.Value("driver")),
		Start:       f.Value("start"),
		Destination: f.Value("destination"),
		At:          at,
	})
	switch {
	case errors.As(err, &f.problems):
		if skipped {
			f.problems["datetime"] = "That time does not exist: the clocks go forward."
		}
		return s.showHome(w, r, http.StatusUnprocessableEntity, homePage{Form: f})
	case errors.Is(err, masking.ErrPoolEmpty):
		return s.showHome(w, r, http.StatusConflict, homePage{Form: f, PoolEmpty: true})
	case err != nil:
		return err
	}
	return s.redirect(w, r, "/", fmt.Sprintf("Ride created. %s reach each other through %s.",
		namesOf(ride), ride.Proxy.Number.Grouped()))
}

// readID is 0, which no row has, for what is not an id.
func readID(typed string) int64 {
	id, err := strconv.ParseInt(typed, 10, 64)
	if err != nil {
		return 0
	}
	return id
}

// readTime reads a date and time as browsers send it and as people type it, in
// zone unless it names its own. It is zero for what is neither, and for a time that the
// clocks skip. Of one that they repeat it takes what time.ParseInLocation takes.
func readTime(typed string, zone *time.Location) (at time.Time, skipped bool) {
	for _, layout := range []string{
		"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02 15:04:05",
		"2006-01-02T15:04Z07:00", time.RFC3339,
	} {
		t, err := time.ParseInLocation(layout, typed, zone)
		if err != nil {
			continue
		}
		asTyped, _ := time.Parse(layout, typed)
		if t.Format(time.DateTime) != asTyped.Format(time.DateTime) {
			return time.Time{}, true
		}
		return t, false
	}
	return time.Time{}, false
}
