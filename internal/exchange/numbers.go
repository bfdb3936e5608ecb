package exchange

import (
	"context"
	"errors"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

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
			return masking.Invalid{"number": "This is a customer's or driver's own number, so it cannot be a proxy number."}
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

// SetPoolState makes a number available, draining or retired. masking.Invalid
// tells why the field state cannot be so; masking.ErrNotFound.
func (x *Exchange) SetPoolState(ctx context.Context, id int64, state masking.PoolState) error {
	if state != masking.Available && state != masking.Draining && state != masking.Retired {
		return masking.Invalid{"state": "Choose available, draining or retired."}
	}
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		return tx.SetPoolState(ctx, id, state)
	})
	if errors.Is(err, masking.ErrConflict) {
		return masking.Invalid{"state": masking.ProblemConnects}
	}
	return err
}

// DeleteNumber takes a number out of the pool. masking.Invalid: a ride that is kept has it, or a
// phone's list names it; masking.ErrNotFound.
func (x *Exchange) DeleteNumber(ctx context.Context, id int64) error {
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
		return tx.DeleteProxyNumber(ctx, id)
	})
	if errors.Is(err, masking.ErrConflict) {
		return masking.Invalid{"number": masking.ProblemHadRides}
	}
	return err
}
