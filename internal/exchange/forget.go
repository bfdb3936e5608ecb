package exchange

import (
	"context"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	// forgetEvery is how often it is looked whether something has been kept long enough.
	forgetEvery = time.Minute
	// A transaction deletes so much at most, and then rests three times as long as it took:
	// texts wait for it, a few hundredths of a second.
	forgetRides = 20
	forgetRows  = 200
	forgetRest  = 3
	// leap is by how much a clock may be set and still be the same.
	leap = 10 * time.Minute
)

// believeAfter is for how long the clock must not have leapt before it is believed that something is
// old: nothing brings back what a wrong one had deleted.
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
// and has no ride any more. KEEP 0: nothing.
func (x *Exchange) ForgetOld(ctx context.Context) (f Forgotten, err error) {
	if x.Keep == 0 {
		return f, nil
	}
	before := x.Now().Add(-x.Keep)
	if err := x.forgetRides(ctx, before, &f); err != nil {
		return f, err
	}
	var uses int
	for _, rows := range []struct {
		count  *int
		forget func(tx *store.Tx, ctx context.Context, before time.Time, limit int) (int, error)
	}{
		{&f.Texts, (*store.Tx).ForgetTexts},
		{&f.Calls, (*store.Tx).ForgetCalls},
		{&uses, (*store.Tx).ForgetUses},
		{&f.People, (*store.Tx).ForgetParties},
	} {
		for {
			n, err := x.forget(ctx, func(ctx context.Context, tx *store.Tx) (int, error) { return rows.forget(tx, ctx, before, forgetRows) })
			if err != nil {
				return f, err
			} else if n == 0 {
				break
			}
			*rows.count += n
		}
	}
	return f, nil
}

func (x *Exchange) forgetRides(ctx context.Context, before time.Time, f *Forgotten) error {
	for last := (*masking.Ride)(nil); ; {
		closed, err := x.Store.ClosedRides(ctx, before, last, forgetRides)
		if err != nil || len(closed) == 0 {
			return err
		}
		last = &closed[len(closed)-1] // also of those that cannot go yet
		var texts int
		rides, err := x.forget(ctx, func(ctx context.Context, tx *store.Tx) (rides int, err error) {
			rides, texts, err = tx.ForgetRides(ctx, closed)
			return rides, err
		})
		if err != nil {
			return err
		}
		f.Rides, f.Texts = f.Rides+rides, f.Texts+texts
	}
}

// forget does a piece of the work, one process at a time, and rests.
func (x *Exchange) forget(ctx context.Context, piece func(context.Context, *store.Tx) (int, error)) (n int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	began := time.Now()
	err = x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if err := tx.Lock(ctx, "forget"); err != nil {
			return err
		}
		n, err = piece(ctx, tx)
		return err
	})
	if err != nil || n == 0 {
		return 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(forgetRest * time.Since(began)):
	}
	return n, nil
}
