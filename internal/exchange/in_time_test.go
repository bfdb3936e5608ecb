package exchange_test

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// Whoever brings something is answered in time while the database hangs, and brings it again.
func TestTakeWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		clock := storetest.NewClock()
		w := newTown(t, storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), clock.Now), clock)
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		confirmation := w.enqueued(t)[0]

		hangs, goesOn := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			_ = w.store.Tx(ctx, func(context.Context, *store.Tx) error { close(hangs); <-goesOn; return nil })
		})
		<-hangs
		text := masking.Text{CarrierID: "1", From: ride.Customer.Number, To: ride.Proxy.Number, Body: "Where are you?"}
		for name, bring := range map[string]func(context.Context) error{
			"a text": func(ctx context.Context) error { return w.RelayText(ctx, text, exchange.Proof{}) },
			"a report": func(ctx context.Context) error {
				return w.TakeReport(ctx, masking.Report{Reference: confirmation.Reference, State: masking.Delivered}, exchange.Proof{})
			},
		} {
			all.Go(func() {
				began := time.Now()
				if err := bring(ctx); !errors.Is(err, masking.ErrBusy) || time.Since(began) != exchange.TakeWithin {
					t.Errorf("%s: got %v after %v, want ErrBusy after %v", name, err, time.Since(began), exchange.TakeWithin)
				}
			})
		}
		time.Sleep(time.Minute)
		close(goesOn)
		all.Wait()
		synctest.Wait()
		w.told()
		if err := w.RelayText(ctx, text, exchange.Proof{}); err != nil {
			t.Error(err)
		}
		talk, err := w.store.Conversation(ctx, ride.ID)
		if err != nil || len(talk) != 4 {
			t.Errorf("the ride has %d messages, %v; want its confirmations, the text and what forwards it", len(talk), err)
		}
	})
}
