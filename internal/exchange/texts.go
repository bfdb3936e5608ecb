package exchange

import (
	"cmp"
	"context"
	"errors"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// RelayText takes an inbound text and enqueues it for the other party of the
// sender's ride on the number it was sent to. Once it returns nil, both are on disk. The same text again
// changes nothing. A text that nobody can get is kept for the admin; one of a
// ride that is over is answered, once. ErrReplayed: the proof was used before;
// masking.ErrBusy, after TakeWithin at the latest: the database could not do it now.
func (x *Exchange) RelayText(ctx context.Context, t masking.Text, p Proof) error {
	return inTime(TakeWithin, func() error {
		in := &inbound{ctx: ctx, text: t, proof: p}
		if err := x.inbounds.join(in); err != nil {
			return err
		}
		return in.err
	})
}

// relayAlone relays a text in a transaction of its own.
func (x *Exchange) relayAlone(ctx context.Context, t masking.Text, p Proof) error {
	return x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		if err := p.use(ctx, tx); err != nil {
			return err
		}
		return x.relay(ctx, tx, b, t)
	})
}

// relay stores a text and enqueues what follows from it.
func (x *Exchange) relay(ctx context.Context, tx *store.Tx, b *batch, t masking.Text) error {
	route, state, err := x.destination(ctx, tx, t)
	if err != nil {
		return err
	}
	id, fresh, err := tx.AddInbound(ctx, received(route, t), state)
	if err != nil {
		return err
	} else if !fresh {
		return x.repeated(ctx, tx, b, t)
	}
	in := x.taken(tx, b, route, id)
	switch state {
	case masking.Relayed:
		b.tell(in.As(masking.RouteFound))
		return x.enqueue(ctx, tx, b, relaying(route, id, t))
	case masking.AfterRide:
		first, err := tx.TellEnded(ctx, route.RideID, t.From)
		if err != nil || !first {
			return err
		}
		return x.enqueue(ctx, tx, b, store.Unsent{Kind: masking.RideOver, RideID: route.RideID, Role: route.Role, CauseID: id,
			From: t.To, To: t.From, Body: masking.SayEnded})
	}
	b.count(&x.counts.unrouted)
	b.tell(in.As(masking.RouteMissing))
	x.Log.Info("no ride for an inbound text", "message", id, "from", t.From, "number", t.To, "state", state)
	return nil
}

// taken counts and tells a text that was stored under id, and returns the event for what
// follows from it.
func (x *Exchange) taken(tx *store.Tx, b *batch, route masking.Route, id int64) masking.Event {
	b.count(&x.counts.texts)
	in := masking.Event{At: tx.Now, RideID: route.RideID, MessageID: id}
	b.tell(in.As(masking.TextIn))
	return in
}

// received is a text that came along route; the zero Route: along none.
func received(route masking.Route, t masking.Text) store.Received {
	return store.Received{Text: t, RideID: route.RideID, Role: route.Role}
}

// relaying is what goes on along route because of a text that was stored under id.
func relaying(route masking.Route, id int64, t masking.Text) store.Unsent {
	return store.Unsent{Kind: masking.Relaying, RideID: route.RideID, Role: route.Role.Other(), CauseID: id,
		From: route.PeerNumber, To: route.Peer, Body: t.Body}
}

// destination finds where a text goes, and which state it is kept in.
func (x *Exchange) destination(ctx context.Context, tx *store.Tx, t masking.Text) (masking.Route, masking.MessageState, error) {
	route, loop, err := tx.RouteOrLoop(ctx, t.To, t.From)
	if err == nil && !loop {
		return route, masking.Relayed, nil
	}
	if errors.Is(err, masking.ErrNotFound) {
		loop, err = tx.InPool(ctx, t.From)
	}
	if err != nil {
		return masking.Route{}, "", err
	} else if loop {
		return masking.Route{}, masking.Looped, nil
	}
	route, err = tx.ReleasedRoute(ctx, t.To, t.From)
	if !errors.Is(err, masking.ErrNotFound) {
		return route, masking.AfterRide, err
	}
	return masking.Route{}, masking.Unrouted, nil
}

// repeated looks at a text that is there already. The carrier repeats itself;
// another text under the same id is nothing that it ever does.
func (x *Exchange) repeated(ctx context.Context, tx *store.Tx, b *batch, t masking.Text) error {
	stored, err := tx.Inbound(ctx, t)
	if err != nil {
		return err
	}
	b.count(&x.counts.repeated)
	if stored.From != t.From || stored.To != t.To || stored.Body != t.Body {
		x.Log.Warn("an inbound text has the id of another; the first one counts", "message", stored.ID, "from", t.From, "number", t.To)
	}
	return nil
}

// TakeReport moves a message to what the carrier's delivery report says of it.
// masking.ErrNotFound: it is about no message of ours, and counted; masking.ErrBusy, after
// TakeWithin at the latest: the database could not do it now.
func (x *Exchange) TakeReport(ctx context.Context, r masking.Report, p Proof) error {
	return inTime(TakeWithin, func() error { return x.takeReport(ctx, r, p) })
}

func (x *Exchange) takeReport(ctx context.Context, r masking.Report, p Proof) error {
	var unknown error
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		unknown = nil
		if err := p.use(ctx, tx); err != nil {
			return err
		}
		b.count(&x.counts.reports)
		m, err := tx.ByReport(ctx, r)
		if errors.Is(err, masking.ErrNotFound) {
			b.count(&x.counts.unknownReports)
			unknown = err
			return nil
		} else if err != nil {
			return err
		}
		moved, err := tx.Settle(ctx, m, r)
		if err != nil || !moved {
			return err
		}
		if r.State == masking.Failed {
			return x.afterFailure(ctx, tx, b, m)
		}
		b.tell(masking.Event{Kind: masking.MessageMoved, At: tx.Now, RideID: m.RideID, MessageID: m.ID, State: r.State})
		return x.next(ctx, tx, b, m) // the report may be faster than the carrier's answer to the sending
	})
	return cmp.Or(err, unknown)
}

// FailMessage notes that an outbound message will never be sent, and why. The
// parts of the same text behind it fail with it, and the sender of a relayed
// text is told, once.
func (x *Exchange) FailMessage(ctx context.Context, m masking.Message, code int, reason string) error {
	return x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		mine, err := tx.MarkFailed(ctx, m, code, reason)
		if err != nil || !mine {
			return err
		}
		return x.afterFailure(ctx, tx, b, m)
	})
}

// afterFailure does what the failure of m, already noted, asks for.
func (x *Exchange) afterFailure(ctx context.Context, tx *store.Tx, b *batch, m masking.Message) error {
	b.tell(masking.Event{Kind: masking.MessageMoved, At: tx.Now, RideID: m.RideID, MessageID: m.ID, State: masking.Failed})
	if m.Kind == masking.Relaying {
		if err := x.tellSender(ctx, tx, b, m); err != nil {
			return err
		}
	}
	return x.next(ctx, tx, b, m)
}

// tellSender tells whoever sent the text that m relayed that it did not arrive, as long as their
// ride connects: what they answered would reach whoever its number stands for after that.
func (x *Exchange) tellSender(ctx context.Context, tx *store.Tx, b *batch, m masking.Message) error {
	in, err := tx.Cause(ctx, m)
	if err != nil {
		return err
	}
	failed, err := tx.FailParts(ctx, in.ID, m, "A part of the same text before it failed.")
	if err != nil {
		return err
	}
	for _, part := range failed {
		if part.From == m.From && part.To == m.To { // afterFailure does
			continue
		}
		if err := x.next(ctx, tx, b, part); err != nil {
			return err
		}
	}
	told, err := tx.HasAnswer(ctx, in.ID, masking.NotDelivered)
	if err != nil || told {
		return err
	}
	ride, err := tx.Ride(ctx, in.RideID)
	if err != nil {
		return err
	}
	role := senderOf(ride, in, m)
	if role == "" { // nothing goes to somebody else
		return nil
	}
	route, err := tx.RouteOf(ctx, in.RideID, role)
	if errors.Is(err, masking.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return x.enqueue(ctx, tx, b, store.Unsent{Kind: masking.NotDelivered, RideID: in.RideID, Role: role, CauseID: in.ID,
		From: route.Number, To: route.Party, Body: masking.TextFailed})
}

// senderOf is the role of who sent the text in, which m relayed; empty: unknown. Of one from before
// that was stored nobody can tell if a party has another phone since.
func senderOf(ride masking.Ride, in, m masking.Message) masking.Role {
	return cmp.Or(in.Role, m.Role.Other(), ride.Sender(in.From, m.To))
}
