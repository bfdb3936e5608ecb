package exchange

import (
	"context"
	"errors"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	// forgetEvery is how often it is looked whether something has been kept long enough.
	forgetEvery = 10 * time.Minute
	// A transaction deletes so much at most, and then rests three times as long as it took:
	// texts wait for it, a few hundredths of a second.
	forgetRides  = 20
	forgetRows   = 200
	forgetRest   = 3
	forgetPhones = 1000 // that are looked at together
	// leap is by how much a clock may be set and still be the same.
	leap = 10 * time.Minute
)

// believeAfter is how long the clock must have gone without a leap before it is believed that
// something is old: nothing brings back what is deleted.
var believeAfter = time.Hour

// Forget deletes what KEEP says is no longer kept, until ctx ends.
func (x *Exchange) Forget(ctx context.Context) {
	if x.Keep == 0 {
		return
	}
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	x.Log.Info("deleting what is no longer kept, once the clock has not leapt for a while", "keep", x.Keep, "after", believeAfter)
	var clock steadiness
	for began := time.Now(); ; {
		if clock.lasts(x.Now(), time.Since(began)) >= believeAfter {
			x.forgetOld(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// forgetOld is ForgetOld for the log.
func (x *Exchange) forgetOld(ctx context.Context) {
	f, err := x.ForgetOld(ctx)
	if err != nil && ctx.Err() == nil {
		x.Log.Error("what is no longer kept was not deleted, which will be tried again", "err", err)
	}
	if f != (Forgotten{}) {
		x.Log.Info("deleted what is no longer kept", "rides", f.Rides, "texts", f.Texts, "calls", f.Calls, "people", f.People)
	}
}

// steadiness tells since when a clock goes as the process's own does, which nobody sets.
type steadiness struct {
	zero  time.Time     // what the clock showed, or would have, when the process's own began
	since time.Duration // by that one
}

// lasts is for how long the clock, which shows now when the process's own has run for so long, has not leapt.
func (s *steadiness) lasts(now time.Time, run time.Duration) time.Duration {
	if zero := now.Round(0).Add(-run); zero.Sub(s.zero).Abs() > leap {
		s.zero, s.since = zero, run
	}
	return run - s.since
}

// Forgotten is how much was deleted.
type Forgotten struct {
	Rides, Texts, Calls int
	People              int // who were off the lists already
}

// ForgetOld deletes what is older than KEEP: rides that closed before, with their texts; texts
// of no ride and calls that came in before; which numbers phones had before; and who was taken off the lists before
// and has no ride any more. KEEP 0: nothing. What cannot be deleted keeps nothing else from it.
func (x *Exchange) ForgetOld(ctx context.Context) (f Forgotten, err error) {
	if x.Keep == 0 {
		return f, nil
	}
	before := x.Now().Add(-x.Keep)
	err = errors.Join(
		x.forgetRides(ctx, before, &f),
		x.forgetAged(ctx, (*store.Tx).ForgetTexts, before, &f.Texts),
		x.forgetAged(ctx, (*store.Tx).ForgetCalls, before, &f.Calls),
		x.forgetAll(ctx, (*store.Tx).ForgetUses, before, new(int)),
		x.forgetAll(ctx, (*store.Tx).ForgetParties, before, &f.People),
		x.forgetLists(ctx),
	)
	return f, err
}

// forgetAged forgets what goes by its id and age.
func (x *Exchange) forgetAged(ctx context.Context, forget func(*store.Tx, context.Context, time.Time, int64, int) (store.Piece, error),
	before time.Time, count *int) error {
	for p := (store.Piece{More: true}); p.More; {
		after := p.Last
		err := x.forget(ctx, func(ctx context.Context, tx *store.Tx) (done bool, err error) {
			p, err = forget(tx, ctx, before, after, forgetRows)
			return p.Forgotten > 0, err
		})
		if err != nil {
			return err
		}
		*count += p.Forgotten
	}
	return nil
}

// forgetAll forgets what is found by its age, until nothing more is.
func (x *Exchange) forgetAll(ctx context.Context, forget func(*store.Tx, context.Context, time.Time, int) (int, error),
	before time.Time, count *int) error {
	for n := 1; n > 0; *count += n {
		err := x.forget(ctx, func(ctx context.Context, tx *store.Tx) (done bool, err error) {
			n, err = forget(tx, ctx, before, forgetRows)
			return n > 0, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetLists forgets the lists of the pool's numbers that phones have which nobody on the lists of
// people has any more.
func (x *Exchange) forgetLists(ctx context.Context) error {
	for last := (masking.Number{}); ; {
		listed, err := x.Store.ListedPhones(ctx, last, forgetPhones)
		if err != nil || len(listed) == 0 {
			return err
		}
		last = listed[len(listed)-1].Phone
		for _, l := range listed {
			for more := !l.Known; more; {
				err := x.forget(ctx, func(ctx context.Context, tx *store.Tx) (done bool, err error) {
					more, err = tx.ForgetList(ctx, l.Phone, forgetRows)
					return true, err
				})
				if err != nil {
					return err
				}
			}
		}
	}
}

func (x *Exchange) forgetRides(ctx context.Context, before time.Time, f *Forgotten) error {
	for last := (*masking.Ride)(nil); ; {
		closed, err := x.Store.ClosedRides(ctx, before, last, forgetRides)
		if err != nil || len(closed) == 0 {
			return err
		}
		last = &closed[len(closed)-1] // also of those that cannot go yet
		var rides, texts int
		err = x.forget(ctx, func(ctx context.Context, tx *store.Tx) (done bool, err error) {
			rides, texts, err = tx.ForgetRides(ctx, closed)
			return rides > 0, err
		})
		if err != nil {
			return err
		}
		f.Rides, f.Texts = f.Rides+rides, f.Texts+texts
	}
}

// forget does a piece of the work, one process at a time, and rests if something was done.
func (x *Exchange) forget(ctx context.Context, piece func(context.Context, *store.Tx) (done bool, err error)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	began := time.Now()
	var done bool
	err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := tx.Lock(ctx, "forget"); err != nil {
			return err
		}
		done, err = piece(ctx, tx)
		return err
	})
	if err != nil || !done {
		return err
	}
	select {
	case <-ctx.Done():
	case <-time.After(forgetRest * time.Since(began)):
	}
	return nil
}
