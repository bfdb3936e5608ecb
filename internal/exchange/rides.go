package exchange

import (
	"context"
	"errors"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// ScheduleRide gives a customer and a driver a proxy number and tells both.
// masking.Invalid tells what is wrong with the fields customer, driver, start,
// destination and datetime; masking.ErrPoolEmpty: no number is free for both.
func (x *Exchange) ScheduleRide(ctx context.Context, q masking.RideRequest) (masking.Ride, error) {
	q.Start, q.Destination = masking.CleanLine(q.Start), masking.CleanLine(q.Destination)
	if err := q.Validate(); err != nil {
		return masking.Ride{}, err
	}
	// Which country a number is of takes as long to find as some statements, so it is found before
	// the transaction, where nobody waits for it.
	customer, err := x.Store.Party(ctx, masking.Customer, q.CustomerID)
	if err != nil && !errors.Is(err, masking.ErrNotFound) {
		return masking.Ride{}, err
	}
	home := customer.Number.Country()
	var ride masking.Ride
	err = x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		ride = masking.Ride{Start: q.Start, Destination: q.Destination, At: q.At, Due: q.At.Add(x.RideLimit)}
		if err := x.parties(ctx, tx, q, &ride); err != nil {
			return err
		}
		country := home
		if ride.Customer.Number != customer.Number { // it was changed meanwhile
			country = ride.Customer.Number.Country()
		}
		var err error
		ride.Proxy, err = tx.ChooseNumber(ctx, ride.Customer.Number, ride.Driver.Number, country)
		if err != nil {
			return err
		}
		if err := tx.AddRide(ctx, &ride); err != nil {
			return err
		}
		b.tell(masking.Event{Kind: masking.RideChanged, At: tx.Now, RideID: ride.ID})
		at := ride.At.In(x.Zone)
		for _, to := range []masking.Party{ride.Customer, ride.Driver} {
			body := masking.Confirmation(to.Role, ride.Other(to.Role).Name, at)
			if err := x.toParty(ctx, tx, b, ride, to, masking.Confirming, body); err != nil {
				return err
			}
		}
		return nil
	})
	return ride, err
}

// parties finds who rides, and refuses those who could not be connected.
func (x *Exchange) parties(ctx context.Context, tx *store.Tx, q masking.RideRequest, ride *masking.Ride) (err error) {
	err = tx.LockParties(ctx, masking.Party{Role: masking.Customer, ID: q.CustomerID}, masking.Party{Role: masking.Driver, ID: q.DriverID})
	if err != nil {
		return err
	}
	problems := masking.Invalid{}
	find := func(role masking.Role, id int64, into *masking.Party, unknown string) error {
		*into, err = tx.Party(ctx, role, id)
		if errors.Is(err, masking.ErrNotFound) {
			problems[string(role)] = unknown
			return nil
		} else if err != nil {
			return err
		}
		in, err := tx.InPool(ctx, into.Number)
		if in {
			problems[string(role)] = masking.ProblemInPool
		}
		return err
	}
	if err := find(masking.Customer, q.CustomerID, &ride.Customer, masking.ProblemCustomer); err != nil {
		return err
	}
	if err := find(masking.Driver, q.DriverID, &ride.Driver, masking.ProblemDriver); err != nil {
		return err
	}
	if len(problems) == 0 && ride.Customer.Number == ride.Driver.Number {
		problems["driver"] = masking.ProblemSame
	}
	return problems.OrNil()
}

func (x *Exchange) toParty(ctx context.Context, tx *store.Tx, b *batch, ride masking.Ride, to masking.Party, kind masking.Kind, body string) error {
	return x.enqueue(ctx, tx, b, store.Unsent{Kind: kind, RideID: ride.ID, Role: to.Role,
		From: ride.Proxy.Number, To: to.Number, Body: body})
}
