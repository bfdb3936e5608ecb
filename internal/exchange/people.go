package exchange

import (
	"context"
	"errors"

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

// AddNumber puts a number into the pool. masking.Invalid tells what is wrong
// with the field number.
func (x *Exchange) AddNumber(ctx context.Context, typed string) (masking.ProxyNumber, error) {
	number, err := masking.ParseNumber(typed, x.Country)
	if err != nil {
		return masking.ProxyNumber{}, masking.Invalid{"number": masking.NumberProblem}
	}
	var added masking.ProxyNumber
	err = x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		if is, err := tx.IsParty(ctx, number); err != nil {
			return err
		} else if is {
			return masking.Invalid{"number": "This is a customer's or driver's own number, so it cannot stand in for one."}
		}
		if in, err := tx.InPool(ctx, number); err != nil {
			return err
		} else if in {
			return masking.Invalid{"number": "This number is in the pool already."}
		}
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		added, err = tx.AddProxyNumber(ctx, number)
		return err
	})
	if errors.Is(err, masking.ErrConflict) { // somebody else added it at this moment
		err = masking.Invalid{"number": "This number is in the pool already."}
	}
	return added, err
}
