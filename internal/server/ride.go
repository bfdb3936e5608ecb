package server

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/masking"
	"birdcar/web"
)

type ridePage struct {
	Ride         masking.Ride
	Conversation conversation
	Earlier      string    // the address of the part before; empty: there is none
	Part         bool      // of the conversation, and not its end
	Gone         time.Time // when it is deleted; zero: not known yet, or never
	Overdue      bool      // by now it could be deleted: a text of it waits, or nobody has looked yet
}

// Path is the address of the page.
func (p ridePage) Path() string { return ridePath(p.Ride.ID) }

// Parties are the two people of the ride.
func (p ridePage) Parties() []masking.Party { return []masking.Party{p.Ride.Customer, p.Ride.Driver} }

func ridePath(id int64) string { return "/rides/" + strconv.FormatInt(id, 10) }

// ride is the one that the address names, or masking.ErrNotFound.
func (s *Server) ride(r *http.Request) (masking.Ride, error) {
	return s.Store.Ride(r.Context(), readID(chi.URLParam(r, "id")))
}

func (s *Server) showRide(w http.ResponseWriter, r *http.Request) error {
	ride, err := s.ride(r)
	if err != nil {
		return err
	}
	query := r.URL.Query()
	end := place{Text: readID(query.Get("text")), Call: readID(query.Get("call"))}
	if at := readID(query.Get("time")); at > 0 {
		end.Time = time.UnixMilli(at)
	}
	page := ridePage{Ride: ride, Part: end != place{}}
	if ride.State == masking.Closed && s.Exchange.Keep > 0 {
		page.Gone = ride.ClosedAt.Add(s.Exchange.Keep)
		page.Overdue = !page.Gone.After(s.Now())
	}
	if page.Conversation, err = s.conversation(r.Context(), ride, end); err != nil {
		return err
	}
	if before := page.Conversation.Before; before != (place{}) {
		page.Earlier = address(page.Path(), "text", strconv.FormatInt(before.Text, 10), "call", strconv.FormatInt(before.Call, 10),
			"time", strconv.FormatInt(before.Time.UnixMilli(), 10))
	}
	return s.Render(w, r, http.StatusOK, "ride", page)
}

// namesOf are the two people of a ride, for a sentence.
func namesOf(ride masking.Ride) string {
	return web.Isolated(ride.Customer.Name) + " and " + web.Isolated(ride.Driver.Name)
}

// endQuestion says what ending a ride does, to whom.
func (s *Server) endQuestion(ride masking.Ride) question {
	q := question{
		Title:  fmt.Sprintf("End the ride of %s?", namesOf(ride)),
		Action: ridePath(ride.ID) + "/end", Verb: "End ride", Back: ridePath(ride.ID),
		Facts: []string{
			fmt.Sprintf("%s still reach each other through %s until %s, for what was left in the car.",
				namesOf(ride), ride.Proxy.Number.Grouped(), s.untilClosed()),
			"Neither of them gets a text about it.",
		},
	}
	return closedFor(q, ride)
}

func (s *Server) cancelQuestion(ride masking.Ride) question {
	q := question{
		Title:  fmt.Sprintf("Cancel the ride of %s?", namesOf(ride)),
		Action: ridePath(ride.ID) + "/cancel", Verb: "Cancel ride", Back: ridePath(ride.ID),
		Facts: []string{
			fmt.Sprintf("%s each get a text: “%s”", namesOf(ride), masking.Cancellation(ride.At.In(s.Zone))),
			fmt.Sprintf("They still reach each other through %s until %s.", ride.Proxy.Number.Grouped(), s.untilClosed()),
		},
	}
	return closedFor(q, ride)
}

// untilClosed is until when a ride that ends now connects.
func (s *Server) untilClosed() string {
	return s.when(s.Now().Add(s.Exchange.Linger))
}

// closedFor says instead of asking that the ride ended before.
func closedFor(q question, ride masking.Ride) question {
	if ride.State != masking.Open {
		q.Problem = "This ride has ended already."
	}
	return q
}

func (s *Server) askRide(about func(masking.Ride) question) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		ride, err := s.ride(r)
		if err != nil {
			return err
		}
		return s.ask(w, r, about(ride))
	}
}

func (s *Server) endRide(w http.ResponseWriter, r *http.Request) error {
	ride, err := s.ride(r)
	if err != nil {
		return err
	}
	if _, err := s.Exchange.EndRide(r.Context(), ride.ID); err != nil {
		return s.decline(w, r, s.endQuestion(ride), err)
	}
	return s.redirect(w, r, ridePath(ride.ID), "The ride has ended.")
}

func (s *Server) cancelRide(w http.ResponseWriter, r *http.Request) error {
	ride, err := s.ride(r)
	if err != nil {
		return err
	}
	if _, err := s.Exchange.CancelRide(r.Context(), ride.ID); err != nil {
		return s.decline(w, r, s.cancelQuestion(ride), err)
	}
	return s.redirect(w, r, ridePath(ride.ID), fmt.Sprintf("The ride is cancelled. %s get a text.", namesOf(ride)))
}

func (s *Server) confirmAgain(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	ride, err := s.ride(r)
	if err != nil {
		return err
	}
	to := ride.Customer
	if r.PostForm.Get("role") == string(masking.Driver) {
		to = ride.Driver
	}
	if err := s.Exchange.ConfirmAgain(r.Context(), ride.ID, to.Role); err != nil {
		return s.decline(w, r, question{Title: "The confirmation was not sent", Back: ridePath(ride.ID)}, err)
	}
	return s.redirect(w, r, ridePath(ride.ID), "The confirmation goes to "+web.Isolated(to.Name)+" again.")
}
