package server

import (
	"cmp"
	"context"
	"strconv"

	"birdcar/internal/masking"
	"birdcar/web"
)

// teller turns a ride's messages and calls into the entries of its conversation.
type teller struct {
	*Server
	ctx     context.Context
	ride    masking.Ride
	caused  map[int64][]masking.Message     // by their cause, of the messages at hand
	had     map[masking.Number]masking.Role // who had a phone, as they tell; empty: both had it
	changed bool                            // they show that a phone was changed before texts told whose they are
	entries []entry
}

func (t *teller) index(messages []masking.Message) {
	t.caused, t.had = make(map[int64][]masking.Message, len(messages)), map[masking.Number]masking.Role{}
	for _, m := range messages {
		if m.CauseID != 0 {
			t.caused[m.CauseID] = append([]masking.Message{m}, t.caused[m.CauseID]...) // they come newest first
		}
		n := personal(m)
		if m.Role == "" {
			t.changed = t.changed || n != t.ride.Customer.Number && n != t.ride.Driver.Number
		} else if had, known := t.had[n]; known && had != m.Role {
			t.had[n] = ""
		} else {
			t.had[n] = m.Role
		}
	}
}

// because are the messages of kind that were made because of m. Those of the part
// of the conversation at hand are known; later ones are asked for when known ones
// cannot be all.
func (t *teller) because(m masking.Message, kind masking.Kind) ([]masking.Message, error) {
	all := t.caused[m.ID]
	if len(all) == 0 {
		var err error
		if all, err = t.Store.Caused(t.ctx, m.ID); err != nil {
			return nil, err
		}
	}
	var result []masking.Message
	for _, c := range all {
		if c.Kind == kind {
			result = append(result, c)
		}
	}
	return result, nil
}

func (t *teller) text(m masking.Message) error {
	e := entry{ID: "text-" + strconv.FormatInt(m.ID, 10), Side: "notice", Body: m.Body, At: m.Created}
	to := t.whose(m, m.To)
	switch m.Kind {
	case masking.Relaying: // told with the text that it passes on
		return nil
	case masking.Inbound:
		e.Side, e.Title = t.side(m.Role, m.From), t.whose(m, m.From)
		if err := t.passedOn(m, &e); err != nil {
			return err
		}
		t.entries = append(t.entries, e)
		return nil
	case masking.Confirming:
		e.Title = "Confirmation to " + to
	case masking.Cancelling:
		e.Title = "Cancellation to " + to
	case masking.RideOver:
		e.Title = "Answer to " + to
	case masking.NotDelivered:
		e.Title = "Notice to " + to
	default:
		e.Title = "Text to " + to
	}
	f, err := t.fate(m)
	if err != nil {
		return err
	}
	if f.Repeated { // what repeats it has an entry of its own
		f.State, f.At, f.Reason, f.Again = "failed", m.Settled, m.Reason, false
	}
	e.Fates = []fate{f}
	t.entries = append(t.entries, e)
	return nil
}

// passedOn notes how an inbound text went on to the other party.
func (t *teller) passedOn(m masking.Message, e *entry) error {
	switch m.State {
	case masking.Relayed:
	case masking.AfterRide:
		e.Fates = []fate{{State: "kept", Reason: "Not passed on: it came after the ride was closed."}}
		return nil
	default:
		e.Fates = []fate{{State: "kept", Reason: "Not passed on."}}
		return nil
	}
	parts, err := t.because(m, masking.Relaying)
	if err != nil {
		return err
	}
	for _, part := range parts {
		f, err := t.fate(part)
		if err != nil {
			return err
		}
		if len(parts) > 1 {
			f.Part = part.Part + 1
		}
		e.Fates = append(e.Fates, f)
	}
	return nil
}

// fate follows m through the messages that sent it again to the last one.
func (t *teller) fate(m masking.Message) (fate, error) {
	f := fate{To: t.whose(m, m.To), Back: ridePath(t.ride.ID)}
	for m.State == masking.Failed {
		again, err := t.because(m, m.Kind)
		if err != nil {
			return f, err
		}
		if len(again) == 0 {
			break
		}
		m, f.Repeated = again[len(again)-1], true
	}
	f.MessageID, f.Reason = m.ID, m.Reason
	switch m.State {
	case masking.Delivered:
		f.State, f.At = "delivered", m.Settled
	case masking.Failed:
		f.State, f.At = "failed", m.Settled
		f.Again = t.ride.State != masking.Closed
	case masking.Sent:
		f.State, f.At = "sent", m.SentAt
	default:
		f.State, f.At = "waiting", m.Created
		if m.Reason != "" && m.State == masking.Queued && m.Due.After(t.Now()) && m.Due.Year() < 9999 {
			f.Next = m.Due
		}
	}
	return f, nil
}

func (t *teller) call(c masking.CallRecord) {
	role := cmp.Or(t.had[c.From], t.had[c.To].Other())
	who := t.name(role, c.From)
	e := entry{ID: "call-" + strconv.FormatInt(c.ID, 10), Side: t.side(role, c.From), Call: true, At: c.At}
	switch c.Outcome {
	case masking.Connected:
		e.Title = who + " called " + t.name(role.Other(), c.To)
	case masking.CallEnded:
		e.Title = who + " called after the ride was closed, and heard that it has ended"
	case masking.CallNotServed:
		e.Title = who + " called and could not be connected, and was asked to try again"
	default:
		e.Title = who + " called, and nobody was connected"
	}
	t.entries = append(t.entries, e)
}

// whose is the name of who wrote m, or whom it is for; n is the number that they had. Of one from
// before that was stored it is the number, once somebody may have another than then.
func (t *teller) whose(m masking.Message, n masking.Number) string {
	if m.Role == "" && t.changed {
		return n.Grouped()
	}
	return t.name(m.Role, n)
}

// side is whose side of the conversation something is on, which a number of today tells where the
// role is not known: the customer's unless it is the driver's.
func (t *teller) side(role masking.Role, n masking.Number) string {
	if role == "" && n == t.ride.Driver.Number {
		role = masking.Driver
	}
	return string(cmp.Or(role, masking.Customer))
}

func (t *teller) name(role masking.Role, n masking.Number) string {
	if p, known := partyOf(t.ride, role, n); known {
		return web.Isolated(p.Name)
	}
	return n.Grouped()
}

// partyOf is who in a ride has that role or, where it is not known, that number.
func partyOf(ride masking.Ride, role masking.Role, n masking.Number) (p masking.Party, known bool) {
	switch {
	case role != "":
		return ride.Party(role), true
	case n == ride.Customer.Number:
		return ride.Customer, true
	case n == ride.Driver.Number:
		return ride.Driver, true
	}
	return p, false
}
