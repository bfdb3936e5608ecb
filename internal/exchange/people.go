package exchange

import (
	"context"
	"errors"
	"fmt"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// AddParty puts a customer or driver on the list. masking.Invalid tells what is
// wrong with the fields name and number.
func (x *Exchange) AddParty(ctx context.Context, role masking.Role, name, number string) (masking.Party, error) {
	p := masking.Party{Role: role, Name: masking.CleanLine(name)}
	p.Number, _ = masking.ParseNumber(number, x.Country) // no number: Validate says so
	if err := p.Validate(); err != nil {
		return p, err
	}
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		if err := notInPool(ctx, tx, p.Number); err != nil {
			return err
		}
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		return tx.AddParty(ctx, &p)
	})
	return p, err
}

func notInPool(ctx context.Context, tx *store.Tx, n masking.Number) error {
	in, err := tx.InPool(ctx, n)
	if err == nil && in {
		return masking.Invalid{"number": "This is one of your proxy numbers. A person's own number is needed."}
	}
	return err
}

// ChangeParty renames a customer or driver or gives them another phone. Their
// live rides move to that phone at once, and so do the texts that wait for them:
// from here on nothing reaches the old one. masking.Invalid tells what is wrong with the
// fields name and number, or why a ride stands in the way; masking.ErrNotFound.
func (x *Exchange) ChangeParty(ctx context.Context, role masking.Role, id int64, name, number string) (masking.Party, error) {
	p := masking.Party{ID: id, Role: role, Name: masking.CleanLine(name)}
	p.Number, _ = masking.ParseNumber(number, x.Country) // no number: Validate says so
	if err := p.Validate(); err != nil {
		return p, err
	}
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		if err := tx.LockParties(ctx, p); err != nil {
			return err
		}
		was, err := tx.Party(ctx, role, id)
		if err != nil {
			return err
		}
		p.Created = was.Created
		if p.Number != was.Number {
			if err := x.changeNumber(ctx, tx, b, was, p.Number); err != nil {
				return err
			}
		}
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		return tx.SetParty(ctx, p, was.Number)
	})
	return p, err
}

// changeNumber moves what is live of a party to another phone. Only their own
// rides move: somebody else on the lists may have the same phone.
func (x *Exchange) changeNumber(ctx context.Context, tx *store.Tx, b *batch, was masking.Party, to masking.Number) error {
	if err := tx.LockPlaces(ctx, was.Number, to); err != nil {
		return err
	}
	if err := notInPool(ctx, tx, to); err != nil {
		return err
	}
	rides, err := tx.LiveRides(ctx, was.Role, was.ID)
	if err != nil {
		return err
	}
	for _, ride := range rides {
		if ride.Other(was.Role).Number == to {
			return masking.Invalid{"number": fmt.Sprintf("This is also the number of %s, the other party of ride %d, so neither could reach the other.",
				ride.Other(was.Role).Name, ride.ID)}
		}
		if other, err := tx.Route(ctx, ride.Proxy.Number, to); err == nil {
			return masking.Invalid{"number": fmt.Sprintf("Somebody with this number is in ride %d, which has the same proxy number as ride %d, so a call would not tell which ride is meant. Try again when one of them has closed.",
				other.RideID, ride.ID)}
		} else if !errors.Is(err, masking.ErrNotFound) {
			return err
		}
		if err := tx.MoveRoutes(ctx, ride, was.Number, to); err != nil {
			return err
		}
		b.tell(masking.Event{Kind: masking.RideChanged, At: tx.Now, RideID: ride.ID})
	}
	if err := tx.InheritUses(ctx, was.Number, to); err != nil {
		return err
	}
	return x.readdress(ctx, tx, b, was, to)
}

// readdress sends the texts that wait for a party's old phone to the new one. One
// that is being sent, or perhaps was, cannot be called back, so the change waits for it.
func (x *Exchange) readdress(ctx context.Context, tx *store.Tx, b *batch, was masking.Party, to masking.Number) error {
	from, err := tx.Readdress(ctx, was, to)
	if errors.Is(err, masking.ErrConflict) {
		return masking.Invalid{"number": "A text to the old number is being sent, or it is not known yet whether it was. Try again in a moment."}
	} else if err != nil {
		return err
	}
	for _, proxy := range from {
		for _, phone := range []masking.Number{was.Number, to} {
			if err := x.next(ctx, tx, b, masking.Message{From: proxy, To: phone}); err != nil {
				return err
			}
		}
	}
	return nil
}

// DeleteParty takes a customer or driver off the list; past rides still name
// them. masking.Invalid: they have a ride that connects; masking.ErrNotFound.
func (x *Exchange) DeleteParty(ctx context.Context, role masking.Role, id int64) error {
	return x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		if err := tx.LockParties(ctx, masking.Party{ID: id, Role: role}); err != nil {
			return err
		}
		p, err := tx.Party(ctx, role, id)
		if err != nil {
			return err
		}
		rides, err := tx.LiveRides(ctx, role, id)
		if err != nil {
			return err
		}
		if len(rides) > 0 {
			return masking.Invalid{string(role): masking.ProblemHasRide(p.Name, rides[0].ID)}
		}
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		return tx.DeleteParty(ctx, role, id)
	})
}
