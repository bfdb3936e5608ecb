package server

import (
	"context"
	"slices"
	"time"

	"birdcar/internal/masking"
)

// entry is something in a ride's conversation: a text of one party, a notice of
// BirdCar's, or a call.
type entry struct {
	ID    string // in the page
	Side  string // customer or driver, who wrote or called; notice: BirdCar
	Title string // who wrote, whom a notice went to, or what a call was
	Body  string // empty for calls
	Call  bool
	At    time.Time
	Fates []fate
}

// fate is what became of a text on its way to somebody.
type fate struct {
	MessageID int64
	To        string
	State     string // waiting, sent, delivered or failed; kept: it goes nowhere
	At        time.Time
	Reason    string // why it failed or waits; or why it goes nowhere
	Next      time.Time
	Repeated  bool   // sent again after it failed
	Part      int    // from 1, of a text in parts; 0: it is whole
	Again     bool   // it may be sent again
	Back      string // the page to come back to then
}

// conversation is a part of a ride's history, oldest first.
type conversation struct {
	Entries []entry
	Before  place // where the part before it ends; zero: there is none
}

// place is where a part of a conversation ends; zero: at its newest entry.
type place struct {
	Text, Call int64     // the part has texts and calls of lower ids; 0: of any
	Time       time.Time // and nothing of a later time
}

// conversationPart is how many texts and calls a page shows.
const conversationPart = 100

// conversation reads the part of a ride's history that ends at a place.
func (s *Server) conversation(ctx context.Context, ride masking.Ride, end place) (conversation, error) {
	var c conversation
	messages, err := s.Store.RideTexts(ctx, ride.ID, end.Text, conversationPart+1)
	if err != nil {
		return c, err
	}
	records, err := s.Store.RideCalls(ctx, ride.ID, end.Call, conversationPart+1)
	if err != nil {
		return c, err
	}
	messages, records, more := newestOf(messages, records, conversationPart)
	if more {
		c.Before = end
		if n := len(messages); n > 0 {
			c.Before.Text, c.Before.Time = messages[n-1].ID, messages[n-1].Created
		}
		if n := len(records); n > 0 {
			c.Before.Call = records[n-1].ID
			if at := records[n-1].At; len(messages) == 0 || at.Before(c.Before.Time) {
				c.Before.Time = at
			}
		}
	}
	t := teller{Server: s, ctx: ctx, ride: ride}
	for _, e := range life(ride) {
		if (!more || e.At.After(c.Before.Time)) && (end.Time.IsZero() || !e.At.After(end.Time)) {
			t.entries = append(t.entries, e)
		}
	}
	t.index(messages)
	for _, m := range slices.Backward(messages) {
		if err := t.text(m); err != nil {
			return c, err
		}
	}
	for _, r := range slices.Backward(records) {
		t.call(r)
	}
	slices.SortStableFunc(t.entries, func(a, b entry) int { return a.At.Compare(b.At) })
	c.Entries = t.entries
	return c, nil
}

// newestOf keeps the newest of texts and calls, limit of both together at most.
func newestOf(texts []masking.Message, calls []masking.CallRecord, limit int) ([]masking.Message, []masking.CallRecord, bool) {
	t, c := 0, 0
	for t+c < limit && (t < len(texts) || c < len(calls)) {
		if c == len(calls) || t < len(texts) && !texts[t].Created.Before(calls[c].At) {
			t++
		} else {
			c++
		}
	}
	return texts[:t], calls[:c], t < len(texts) || c < len(calls)
}

// life is what happened to the ride itself.
func life(ride masking.Ride) []entry {
	entries := []entry{{ID: "created", Side: "notice", Title: "Ride created", At: ride.Created}}
	switch {
	case ride.Ended.IsZero():
	case ride.Cancelled:
		entries = append(entries, entry{ID: "ended", Side: "notice", Title: "Ride cancelled", At: ride.Ended})
	default:
		entries = append(entries, entry{ID: "ended", Side: "notice", Title: "Ride ended", At: ride.Ended})
	}
	if !ride.ClosedAt.IsZero() {
		entries = append(entries, entry{ID: "closed", Side: "notice", Title: "Number back in the pool: nobody is connected any more", At: ride.ClosedAt})
	}
	return entries
}
