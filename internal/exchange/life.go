package exchange

import (
	"context"
	"errors"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// EndRide ends an open ride: both parties still connect until LINGER has passed.
// masking.ErrNotFound; masking.Invalid: it ended before.
func (x *Exchange) EndRide(ctx context.Context, id int64) (masking.Ride, error) {
	return x.endRide(ctx, id, false)
}

// CancelRide ends an open ride and tells both parties that it does not take place.
// masking.ErrNotFound; masking.Invalid: it ended before.
func (x *Exchange) CancelRide(ctx context.Context, id int64) (masking.Ride, error) {
	return x.endRide(ctx, id, true)
}

func (x *Exchange) endRide(ctx context.Context, id int64, cancel bool) (masking.Ride, error) {
	var ride masking.Ride
	err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) (err error) {
		if ride, err = tx.HeldRide(ctx, id); err != nil {
			return err
		}
		if ride.State != masking.Open {
			return masking.Invalid{"ride": endedBefore(ride)}
		}
		ride.Cancelled = cancel
		if err := x.linger(ctx, tx, b, &ride, tx.Now); err != nil {
			return err
		}
		if cancel {
			body := masking.Cancellation(ride.At.In(x.Zone))
			for _, to := range []masking.Party{ride.Customer, ride.Driver} {
				if err := x.toParty(ctx, tx, b, ride, to, masking.Cancelling, body); err != nil {
					return err
				}
			}
		}
		if x.Linger == 0 {
			_, err = x.moveOn(ctx, tx, b, &ride)
		}
		return err
	})
	return ride, err
}

func endedBefore(ride masking.Ride) string {
	switch {
	case ride.Cancelled:
		return "This ride was cancelled before."
	case ride.State == masking.Lingering:
		return "This ride ended before. It still connects for a while, then closes by itself."
	}
	return "This ride ended before, and its number is back in the pool."
}

// linger moves an open ride to lingering, as of ended.
func (x *Exchange) linger(ctx context.Context, tx *store.Tx, b *batch, ride *masking.Ride, ended time.Time) error {
	ride.State, ride.Ended, ride.Due = masking.Lingering, ended, ended.Add(x.Linger)
	b.tell(masking.Event{Kind: masking.RideChanged, At: tx.Now, RideID: ride.ID})
	return tx.SetRide(ctx, *ride, masking.Open)
}

// close releases a lingering ride's routes: its number returns to the pool.
func (x *Exchange) close(ctx context.Context, tx *store.Tx, b *batch, ride *masking.Ride) error {
	ride.State, ride.ClosedAt, ride.Due = masking.Closed, tx.Now, time.Time{}
	b.tell(masking.Event{Kind: masking.RideChanged, At: tx.Now, RideID: ride.ID})
	if err := tx.SetRide(ctx, *ride, masking.Lingering); err != nil {
		return err
	}
	return tx.ReleaseRoutes(ctx, ride.ID)
}

// sweepBatch is how many rides one transaction moves on, so that a sweep after a
// long stop does not hold up texts.
const sweepBatch = 100

// Sweep moves every ride on whose time has come: open ones to lingering once
// RIDE_LIMIT has passed after their time, lingering ones to closed once LINGER
// has passed and their texts have left. It reports how many steps it took.
func (x *Exchange) Sweep(ctx context.Context) (steps int, err error) {
	for ctx.Err() == nil {
		// Most looks find nothing, and need not wait for the writer.
		due, err := x.Store.DueRides(ctx, x.Now(), 1)
		if err != nil || len(due) == 0 {
			return steps, err
		}
		moved := 0
		err = x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error {
			moved = 0
			// Several at once would only meet at the same rides and numbers.
			if err := tx.Lock(ctx, "sweep"); err != nil {
				return err
			}
			rides, err := tx.DueRides(ctx, tx.Now, sweepBatch)
			if err != nil {
				return err
			}
			for _, ride := range rides {
				if step, err := x.moveOn(ctx, tx, b, &ride); err != nil {
					return err
				} else if step {
					moved++
				}
			}
			return nil
		})
		if err != nil {
			return steps, err
		}
		steps += moved
	}
	return steps, ctx.Err()
}

// closeLater is how long a ride lingers on whose texts wait to be sent, late being how long it has
// already: mostly they leave in a moment, but while the carrier is away nothing is gained by looking often.
func closeLater(late time.Duration) time.Duration {
	return min(max(late/4, 2*time.Second), time.Minute)
}

// moveOn takes a due ride one step. A ride that was due long ago lingers from
// the time it should have ended, so that a stop does not keep its number away longer. moved is
// false when it lingers on: what waits to be sent through its number would turn up in the number's
// next ride, whose other party would get the answer.
func (x *Exchange) moveOn(ctx context.Context, tx *store.Tx, b *batch, ride *masking.Ride) (moved bool, err error) {
	waits := false
	if ride.State == masking.Lingering {
		if waits, err = tx.StillSending(ctx, *ride); err != nil {
			return false, err
		}
	}
	switch {
	case waits:
		ride.Due = tx.Now.Add(closeLater(tx.Now.Sub(ride.Ended.Add(x.Linger))))
		err = tx.SetRide(ctx, *ride, masking.Lingering)
	case ride.State == masking.Open:
		err = x.linger(ctx, tx, b, ride, ride.Due)
	default:
		err = x.close(ctx, tx, b, ride)
	}
	if errors.Is(err, masking.ErrConflict) { // another process moved it on
		err = nil
	}
	return !waits, err
}

const (
	sweepEvery = time.Second      // how often it is looked whether a ride's time has come
	tidyEvery  = 15 * time.Second // whether something expired; and whether what failed works again
)

// Run records calls, moves rides on and drops what expired, until ctx ends; what
// was recorded until then is stored, if the database takes it.
func (x *Exchange) Run(ctx context.Context) {
	tick, tidy := time.NewTicker(sweepEvery), time.NewTicker(tidyEvery)
	defer tick.Stop()
	defer tidy.Stop()
	swept := x.sweep(ctx)
	x.dropExpired(ctx)
	calls, paused := x.calls, (<-chan time.Time)(nil)
	for {
		select {
		case c := <-calls:
			x.recordCalls(context.WithoutCancel(ctx), c) // ctx may have ended in this moment
			if len(x.calls) < callBatch {
				calls, paused = nil, time.After(callPause)
			}
		case <-paused:
			calls, paused = x.calls, nil
		case <-tick.C:
			if swept {
				swept = x.sweep(ctx)
			}
		case <-tidy.C:
			swept = x.sweep(ctx)
			x.dropExpired(ctx)
		case <-ctx.Done():
			x.recordLast(context.WithoutCancel(ctx))
			return
		}
	}
}

// sweep is Sweep for the log. It reports whether it worked.
func (x *Exchange) sweep(ctx context.Context) bool {
	steps, err := x.Sweep(ctx)
	if err != nil && ctx.Err() == nil {
		x.Log.Error("rides were not moved on", "err", err)
	} else if steps > 0 {
		x.Log.Info("rides moved on", "steps", steps)
	}
	return err == nil
}

func (x *Exchange) dropExpired(ctx context.Context) {
	err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DropExpired(ctx) })
	if err != nil && ctx.Err() == nil {
		x.Log.Error("expired sessions and signatures were not dropped", "err", err)
	}
}
