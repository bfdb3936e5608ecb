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
				if errors.As(err, new(masking.Invalid)) || errors.Is(err, masking.ErrNotFound) { // forgotten since it was listed
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
	role, err := addressee(ctx, tx, m)
	if err != nil {
		return 0, err
	}
	route, err := stillConnected(ctx, tx, m.RideID, role)
	if err != nil {
		return 0, err
	}
	for _, part := range parts {
		if part, err = tx.Latest(ctx, part); err != nil {
			return sent, err
		} else if part.State != masking.Failed {
			continue
		}
		err := x.enqueue(ctx, tx, b, store.Unsent{Kind: part.Kind, RideID: part.RideID, Role: role, CauseID: part.ID, Part: part.Part,
			From: route.Number, To: route.Party, Body: part.Body})
		if err != nil {
			return 0, err
		}
		sent++
	}
	return sent, nil
}

// stillConnected is the live route of a party, to send them a message of their ride again. Their
// number may have changed since; and once the ride is closed its proxy number may serve
// somebody else's ride, in which the text must not turn up.
func stillConnected(ctx context.Context, tx *store.Tx, ride int64, role masking.Role) (masking.Route, error) {
	route, err := tx.RouteOf(ctx, ride, role)
	if errors.Is(err, masking.ErrNotFound) {
		err = masking.Invalid{"message": masking.ProblemRideOver}
	}
	return route, err
}

// addressee is the role, in its ride, of an outbound message's recipient. Old messages were stored
// without it; where it cannot be inferred: masking.Invalid.
func addressee(ctx context.Context, tx *store.Tx, m masking.Message) (masking.Role, error) {
	if m.Role != "" {
		return m.Role, nil
	}
	ride, err := tx.Ride(ctx, m.RideID)
	if err != nil {
		return "", err
	}
	var role masking.Role
	if m.Kind == masking.Relaying {
		in, err := tx.Cause(ctx, m)
		if err != nil {
			return "", err
		}
		role = senderOf(ride, in, m).Other()
	} else {
		confirmations, err := tx.RideTextsOf(ctx, ride.ID, masking.Confirming)
		if err != nil {
			return "", err
		}
		role = roleOf(m, ride, confirmations)
	}
	if role == "" {
		return "", masking.Invalid{"message": "Phones were changed in this ride before BirdCar noted whom a text is for, so it cannot be sent any more."}
	}
	return role, nil
}

// roleOf is the recipient's role of a message that relays nothing; empty: unknown. Where it was not
// stored, the recipient's number tells it, provided that both parties still have the numbers of the
// ride's first confirmations. confirmations are all of the ride, newest first.
func roleOf(m masking.Message, ride masking.Ride, confirmations []masking.Message) masking.Role {
	n := len(confirmations)
	if m.Role != "" || n < 2 || confirmations[n-1].To != ride.Customer.Number || confirmations[n-2].To != ride.Driver.Number {
		return m.Role
	}
	switch m.To {
	case ride.Customer.Number:
		return masking.Customer
	case ride.Driver.Number:
		return masking.Driver
	}
	return ""
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
		to := ride.Party(role)
		route, err := stillConnected(ctx, tx, ride.ID, role) // beside this the ride may be closed, and its number become another's
		if err != nil {
			return err
		}
		unsent := store.Unsent{Kind: masking.Confirming, RideID: ride.ID, Role: role, From: route.Number, To: route.Party,
			Body: masking.Confirmation(role, ride.Other(role).Name, ride.At.In(x.Zone))}
		last, err := lastConfirmation(ctx, tx, ride, role)
		switch {
		case err != nil && !errors.Is(err, masking.ErrNotFound):
			return err
		case err != nil: // none is known to be theirs
		case last.State == masking.Queued, last.State == masking.Sending:
			return masking.Invalid{"message": fmt.Sprintf("The confirmation to %s is on its way already.", to.Name)}
		case tx.Now.Sub(last.Created).Abs() < onceIn:
			return masking.Invalid{"message": fmt.Sprintf("The confirmation was sent to %s a moment ago.", to.Name)}
		}
		unsent.CauseID = last.ID
		return x.enqueue(ctx, tx, b, unsent)
	})
}

// lastConfirmation is the last one to a party of a ride, as far as can be told, or masking.ErrNotFound.
func lastConfirmation(ctx context.Context, tx *store.Tx, ride masking.Ride, role masking.Role) (masking.Message, error) {
	all, err := tx.RideTextsOf(ctx, ride.ID, masking.Confirming)
	if err != nil {
		return masking.Message{}, err
	}
	for _, m := range all {
		if roleOf(m, ride, all) == role {
			return tx.Latest(ctx, m) // one from before roles were stored may have been sent again to another phone
		}
	}
	return masking.Message{}, masking.ErrNotFound
}
