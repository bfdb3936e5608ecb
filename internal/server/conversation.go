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
	// What lies before the first entry, for the address of the part before; 0: nothing.
	TextsBefore, CallsBefore int64
}

// conversationPart is how many texts and calls a page shows.
const conversationPart = 100

// conversation reads the texts and calls of a ride with ids below the given ones
// (0: from the newest), as many as fit on a page.
func (s *Server) conversation(ctx context.Context, ride masking.Ride, texts, calls int64) (conversation, error) {
	messages, err := s.Store.RideTexts(ctx, ride.ID, texts, conversationPart+1)
	if err != nil {
		return conversation{}, err
	}
	records, err := s.Store.RideCalls(ctx, ride.ID, calls, conversationPart+1)
	if err != nil {
		return conversation{}, err
	}
	var c conversation
	newest := texts == 0 && calls == 0
	messages, records, more := newestOf(messages, records, conversationPart)
	since := time.Time{}
	if more {
		c.TextsBefore, c.CallsBefore = texts, calls
		if len(messages) > 0 {
			c.TextsBefore = messages[len(messages)-1].ID
			since = messages[len(messages)-1].Created
		}
		if len(records) > 0 {
			c.CallsBefore = records[len(records)-1].ID
			if last := records[len(records)-1].At; since.IsZero() || last.Before(since) {
				since = last
			}
		}
	}
	until := time.Time{}
	if len(messages) > 0 {
		until = messages[0].Created
	}
	if len(records) > 0 && records[0].At.After(until) {
		until = records[0].At
	}
	t := teller{Server: s, ctx: ctx, ride: ride}
	for _, e := range life(ride) {
		if !e.At.Before(since) && (newest || !e.At.After(until)) {
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
