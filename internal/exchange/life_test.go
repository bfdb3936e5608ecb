package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestRideLife(t *testing.T) {
	ctx := context.Background()
	t.Run("by the clock", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob) // in an hour
			for _, step := range []struct {
				pass     time.Duration
				state    masking.RideState
				connects bool
			}{
				{0, masking.Open, true},
				{time.Hour + rideLimit - time.Millisecond, masking.Open, true},
				{time.Millisecond, masking.Lingering, true},
				{linger - time.Millisecond, masking.Lingering, true},
				{time.Millisecond, masking.Closed, false},
				{1000 * time.Hour, masking.Closed, false},
			} {
				w.clock.Move(step.pass)
				w.sweep(t)
				w.isIn(t, ride, step.state)
				if step.connects {
					w.connects(t, ada.Number, one.Number, bob.Number)
					w.connects(t, bob.Number, one.Number, ada.Number)
				} else {
					w.says(t, ada.Number, one.Number, masking.SayEnded)
					w.says(t, bob.Number, one.Number, masking.SayEnded)
				}
			}
			if n, err := w.store.ProxyNumber(ctx, one.ID); err != nil || n.LiveRoutes != 0 {
				t.Errorf("the number has %d live routes, %v; want it back in the pool", n.LiveRoutes, err)
			}
		})
	})
	t.Run("by the admin", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob)
			w.told()
			w.end(t, ride)
			if told := w.enqueued(t); len(told) != 0 {
				t.Errorf("%d texts about a ride that ended as it should", len(told))
			}
			w.isIn(t, ride, masking.Lingering)
			w.connects(t, ada.Number, one.Number, bob.Number)
			_, err := w.EndRide(ctx, ride.ID)
			refused(t, err, "ride")
			_, err = w.CancelRide(ctx, ride.ID)
			refused(t, err, "ride")
			w.clock.Move(linger)
			w.sweep(t)
			w.isIn(t, ride, masking.Closed)
			_, err = w.EndRide(ctx, ride.ID)
			refused(t, err, "ride")
			if _, err = w.EndRide(ctx, 99); !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("a ride that is not there: got %v, want ErrNotFound", err)
			}
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob)
			w.told()
			if _, err := w.CancelRide(ctx, ride.ID); err != nil {
				t.Fatal(err)
			}
			told := w.enqueued(t)
			if len(told) != 2 {
				t.Fatalf("%d texts, want one to each", len(told))
			}
			const body = "Your ride at 2026-11-21 13:00 was cancelled."
			reachesOnly(t, told[:1], masking.Cancelling, one.Number, ada.Number, body)
			reachesOnly(t, told[1:], masking.Cancelling, one.Number, bob.Number, body)
			w.isIn(t, ride, masking.Lingering)
			w.connects(t, ada.Number, one.Number, bob.Number)
			_, err := w.EndRide(ctx, ride.ID)
			refused(t, err, "ride")
		})
	})
}

// What is sent through a number after its ride would turn up in the next one.
func TestRideLife_textsWait(t *testing.T) {
	ctx := context.Background()
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ada, eve, bob := w.customer(t, "Ada", "07700 900101"), w.customer(t, "Eve", "07700 900102"), w.driver(t, "Bob", "07700 900201")
		ride := w.ride(t, ada, bob)
		w.send(t)
		w.end(t, ride)
		w.clock.Move(linger - time.Minute)
		w.text(t, "1", ada.Number, ride.Proxy.Number, "I left my keys.")
		w.clock.Move(time.Minute)
		for range 3 {
			if steps, err := w.Sweep(ctx); err != nil || steps != 0 {
				t.Errorf("%d steps, %v; want none while a text waits", steps, err)
			}
			w.isIn(t, ride, masking.Lingering)
			w.connects(t, bob.Number, ride.Proxy.Number, ada.Number)
			if _, err := w.schedule(eve, bob); !errors.Is(err, masking.ErrPoolEmpty) {
				t.Errorf("the number was given to another ride of Bob's: %v", err)
			}
			w.clock.Move(time.Minute)
		}
		w.send(t)
		if _, err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		w.isIn(t, ride, masking.Closed)
		w.ride(t, eve, bob)
	})
}

// A text that was about to leave does not keep the number away for long.
func TestRideLife_textLeaves(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
		ride := w.ride(t, ada, bob)
		w.end(t, ride)
		w.clock.Move(linger)
		if _, err := w.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.isIn(t, ride, masking.Lingering)
		w.send(t)
		w.clock.Move(2 * time.Second)
		w.sweep(t)
		w.isIn(t, ride, masking.Closed)
	})
}

func TestEndRide_withoutLingering(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newTownLingering(t, s, clock, 0)
		w.number(t, "07700 900901")
		ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
		ride := w.ride(t, ada, bob)
		w.send(t)
		w.end(t, ride)
		w.isIn(t, ride, masking.Closed)
		ride = w.ride(t, ada, bob)
		w.end(t, ride) // its confirmations wait to be sent
		w.isIn(t, ride, masking.Lingering)
	})
}

func (w *town) isIn(t *testing.T, ride masking.Ride, want masking.RideState) {
	t.Helper()
	got, err := w.store.Ride(context.Background(), ride.ID)
	if err != nil || got.State != want {
		t.Errorf("ride %d is %s at %s, %v; want %s", ride.ID, got.State, w.clock.Now(), err, want)
	}
}

func TestSweep(t *testing.T) {
	ctx := context.Background()
	const rides = 120 // more than one transaction moves on
	start := func(t *testing.T, w *town) (all []masking.Ride) {
		w.number(t, "07700 900901")
		for i := range rides {
			customer := w.customer(t, fmt.Sprint("C", i), fmt.Sprintf("07700 900%03d", i))
			driver := w.driver(t, fmt.Sprint("D", i), fmt.Sprintf("07700 900%03d", 400+i))
			all = append(all, w.ride(t, customer, driver))
		}
		return all
	}
	allClosed := func(t *testing.T, w *town, all []masking.Ride) {
		t.Helper()
		for _, ride := range all {
			w.isIn(t, ride, masking.Closed)
			w.says(t, ride.Customer.Number, ride.Proxy.Number, masking.SayEnded)
		}
		if n, err := w.store.ProxyNumber(ctx, all[0].Proxy.ID); err != nil || n.LiveRoutes != 0 {
			t.Errorf("%d live routes are left, %v", n.LiveRoutes, err)
		}
	}
	t.Run("after a long stop", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			all := start(t, w)
			w.send(t)
			w.clock.Move(30 * 24 * time.Hour)
			steps, err := w.Sweep(ctx)
			if err != nil || steps != 2*rides {
				t.Errorf("one sweep took %d steps, %v; want %d", steps, err, 2*rides)
			}
			allClosed(t, w, all)
			got, err := w.store.Ride(ctx, all[0].ID)
			if err != nil || !got.Ended.Equal(all[0].At.Add(rideLimit)) || !got.ClosedAt.Equal(w.clock.Now()) {
				t.Errorf("ended %s, closed %s, %v; want the end when it was due, the close now", got.Ended, got.ClosedAt, err)
			}
			if steps, err := w.Sweep(ctx); err != nil || steps != 0 {
				t.Errorf("the next sweep took %d steps, %v; want none", steps, err)
			}
		})
	})
	t.Run("by several at once", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			all := start(t, w)
			w.clock.Move(30 * 24 * time.Hour)
			var sweepers sync.WaitGroup
			for range 4 {
				sweepers.Go(func() { w.sweep(t) })
			}
			sweepers.Wait()
			allClosed(t, w, all)
			closed := 0
			for _, e := range w.told() {
				if e.Kind == masking.RideChanged {
					closed++
				}
			}
			if closed != 3*rides {
				t.Errorf("the rides changed %d times, want %d: made, ended and closed once each", closed, 3*rides)
			}
		})
	})
	t.Run("by two processes on one file", func(t *testing.T) {
		clock, path := storetest.NewClock(), filepath.Join(t.TempDir(), "birdcar.db")
		w := newTown(t, storetest.Open(t, path, clock.Now), clock)
		other := newTown(t, storetest.Open(t, path, clock.Now), clock)
		all := start(t, w)
		clock.Move(30 * 24 * time.Hour)
		var sweepers sync.WaitGroup
		for _, town := range []*town{w, other} {
			sweepers.Go(func() { town.sweep(t) })
		}
		sweepers.Wait()
		allClosed(t, w, all)
	})
	t.Run("with a clock that jumps back", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob)
			w.send(t)
			w.clock.Move(-48 * time.Hour)
			w.sweep(t)
			w.connects(t, ada.Number, one.Number, bob.Number)
			w.end(t, ride)
			w.clock.Move(-48 * time.Hour)
			w.sweep(t)
			w.connects(t, ada.Number, one.Number, bob.Number)
			w.clock.Move(48*time.Hour + linger)
			w.sweep(t)
			w.says(t, ada.Number, one.Number, masking.SayEnded)
			w.ride(t, ada, bob)
			w.connects(t, ada.Number, one.Number, bob.Number)
		})
	})
}

// Run sweeps as it starts and every second, and stores the calls that were taken before it stops.
func TestRun(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		w := newTown(t, s, clock)
		w.number(t, "07700 900901")
		ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
		ride := w.ride(t, ada, bob)
		w.connects(t, ada.Number, ride.Proxy.Number, bob.Number)
		w.send(t)
		w.clock.Move(30 * 24 * time.Hour)
		w.told()
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		closes := func(ride masking.Ride, within time.Duration) {
			for deadline := time.After(within); ; {
				got, err := s.Ride(ctx, ride.ID)
				if err != nil {
					t.Fatal(err)
				}
				if got.State == masking.Closed {
					return
				}
				select {
				case <-w.changed:
				case <-deadline:
					t.Fatalf("the ride is still %s", got.State)
				}
			}
		}
		closes(ride, time.Minute)
		w.says(t, bob.Number, ride.Proxy.Number, masking.SayEnded)
		next := w.ride(t, ada, bob)
		w.send(t)
		w.clock.Move(30 * 24 * time.Hour)
		closes(next, 7*time.Second) // long before what is done only now and then
		stop()
		running.Wait()
		calls, err := s.Calls(context.Background(), ride.ID)
		if err != nil || len(calls) != 2 || calls[0].Outcome != masking.Connected || calls[0].To != bob.Number ||
			calls[1].Outcome != masking.CallEnded || !calls[1].To.IsZero() {
			t.Errorf("got %v, %v; want a call connected and one after the end", calls, err)
		}
	})
}
