package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// SendAgain sends a failed message once more, as a new one, and with it the
// failed parts of the same text. A second click does nothing.
// masking.Invalid, field message: it cannot be sent any more, and why, in words;
// masking.ErrNotFound.
func (x *Exchange) SendAgain(ctx context.Context, messageID int64) error {
	return x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		m, err := tx.Message(ctx, messageID)
		if err != nil {
			return err
		}
		if m.Kind == masking.Inbound || m.State != masking.Failed {
			return masking.Invalid{"message": "Only a message that failed can be sent again."}
		}
		_, err = x.sendAgain(ctx, tx, b, m)
		return err
	})
}

// SendAllAgain sends every failed message once more that still can be, and
// reports how many it sent and how many it could not.
func (x *Exchange) SendAllAgain(ctx context.Context) (sent, refused int, err error) {
	var all []masking.Message
	for page, before := []masking.Message(nil), int64(0); ; before = page[len(page)-1].ID {
		if page, err = x.Store.FailedMessages(ctx, before, againBatch); err != nil {
			return 0, 0, err
		}
		if all = append(all, page...); len(page) < againBatch {
			break
		}
	}
	slices.Reverse(all) // the list begins with the newest, people read from the oldest
	for failed := range slices.Chunk(all, againBatch) {
		var s, r int
		err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
			s, r = 0, 0
			for _, m := range failed {
				n, err := x.sendAgain(ctx, tx, b, m)
				if errors.As(err, new(masking.Invalid)) {
					r++
				} else if err != nil {
					return err
				}
				s += n
			}
			return nil
		})
		if err != nil {
			return sent, refused, err
		}
		sent, refused = sent+s, refused+r
	}
	return sent, refused, nil
}

// againBatch is how many messages one transaction sends again, so that many do
// not hold up what comes in.
const againBatch = 100

func (x *Exchange) sendAgain(ctx context.Context, tx *store.Tx, b *batch, m masking.Message) (sent int, err error) {
	parts := []masking.Message{m}
	if m.Kind == masking.Relaying {
		in, err := tx.Cause(ctx, m)
		if err != nil {
			return 0, err
		}
		if parts, err = tx.Parts(ctx, in.ID, m.Kind); err != nil {
			return 0, err
		}
	}
	from, to, err := x.stillConnected(ctx, tx, m)
	if err != nil {
		return 0, err
	}
	for _, part := range parts {
		if part, err = tx.Latest(ctx, part); err != nil {
			return sent, err
		} else if part.State != masking.Failed {
			continue
		}
		err := x.enqueue(ctx, tx, b, store.Unsent{Kind: part.Kind, RideID: part.RideID, CauseID: part.ID, Part: part.Part,
			From: from, To: to, Body: part.Body})
		if err != nil {
			return 0, err
		}
		sent++
	}
	return sent, nil
}

// stillConnected finds where a failed message goes now. A person's number may
// have changed since; and once the ride is closed its proxy number may stand for
// somebody else's ride, in which the text must not turn up.
func (x *Exchange) stillConnected(ctx context.Context, tx *store.Tx, m masking.Message) (from, to masking.Number, err error) {
	over := masking.Invalid{"message": masking.ProblemRideOver}
	if m.Kind == masking.Relaying {
		in, err := tx.Cause(ctx, m)
		if err != nil {
			return from, to, err
		}
		ride, err := tx.Ride(ctx, m.RideID)
		if err != nil {
			return from, to, err
		}
		sender, ok := senderOf(ride, in, m)
		if !ok {
			return from, to, over
		}
		route, err := tx.Route(ctx, in.To, sender.Number)
		if errors.Is(err, masking.ErrNotFound) || err == nil && route.RideID != m.RideID {
			return from, to, over
		}
		return route.PeerNumber, route.Peer, err
	}
	// To somebody about their own ride: they must still be in it, with this number.
	route, err := tx.Route(ctx, m.From, m.To)
	if errors.Is(err, masking.ErrNotFound) || err == nil && route.RideID != m.RideID {
		return from, to, over
	}
	return m.From, m.To, err
}

// onceIn is how long a confirmation is not sent again: who clicks twice means it once.
const onceIn = 10 * time.Second

// ConfirmAgain sends a ride's confirmation to one of its parties once more.
// masking.Invalid, field message: why not, in words; masking.ErrNotFound.
func (x *Exchange) ConfirmAgain(ctx context.Context, rideID int64, role masking.Role) error {
	return x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		ride, err := tx.HeldRide(ctx, rideID)
		if err != nil {
			return err
		}
		if ride.State != masking.Open {
			return masking.Invalid{"message": "The ride has ended, so there is nothing to confirm."}
		}
		to := ride.Customer
		if role == masking.Driver {
			to = ride.Driver
		}
		unsent := store.Unsent{Kind: masking.Confirming, RideID: ride.ID, From: ride.Proxy.Number, To: to.Number,
			Body: masking.Confirmation(role, ride.Other(role).Name, ride.At.In(x.Zone))}
		// Beside this the ride may be closed, and its number become another's.
		if _, _, err := x.stillConnected(ctx, tx, masking.Message{Kind: unsent.Kind, RideID: unsent.RideID, From: unsent.From, To: unsent.To}); err != nil {
			return err
		}
		last, err := tx.LastOfRide(ctx, ride.ID, masking.Confirming, to.Number)
		if err == nil { // what repeats it may have moved to another phone, and stayed there
			last, err = tx.Latest(ctx, last)
		}
		switch {
		case err != nil && !errors.Is(err, masking.ErrNotFound):
			return err
		case err != nil: // to another number than they have now
		case last.State == masking.Queued, last.State == masking.Sending:
			return masking.Invalid{"message": fmt.Sprintf("The confirmation to %s is on its way already.", to.Name)}
		case tx.Now.Sub(last.Created).Abs() < onceIn:
			return masking.Invalid{"message": fmt.Sprintf("The confirmation was sent to %s a moment ago.", to.Name)}
		}
		unsent.CauseID = last.ID
		return x.enqueue(ctx, tx, b, unsent)
	})
}
