package exchange_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// logged are the lines of a log.
type logged chan string

func (l logged) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// await returns once a line says so.
func (l logged) await(t *testing.T, what string) {
	t.Helper()
	for deadline := time.After(time.Minute); ; {
		select {
		case line := <-l:
			if strings.Contains(line, what) {
				return
			}
		case <-deadline:
			t.Fatalf("the log does not say %q", what)
		}
	}
}

// logs gives a town's exchange a log that a test reads.
func (w *town) logs() logged {
	lines := make(logged, 10_000)
	w.Log = slog.New(slog.NewTextHandler(lines, nil))
	return lines
}

// busy has the database take no transaction more, until goOn.
func busy(t *testing.T, s *store.Store) (goOn func()) {
	t.Helper()
	var all sync.WaitGroup
	full, end := make(chan struct{}), make(chan struct{})
	refused := sync.OnceFunc(func() { close(full) })
	for range 5000 { // more than are at work and may wait
		all.Go(func() {
			err := s.Tx(context.Background(), func(context.Context, *store.Tx) error { <-end; return nil })
			if errors.Is(err, masking.ErrBusy) {
				refused()
			}
		})
	}
	<-full
	goOn = sync.OnceFunc(func() { close(end); all.Wait() })
	t.Cleanup(goOn)
	return goOn
}

// Calls that are answered while the database takes nothing are recorded once it does.
func TestRecordCalls_Busy(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride, log := pairUp(t, w), w.logs()
		goOn := busy(t, w.store)
		ctx, stop := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { w.Run(ctx) })
		w.connects(t, ride.Customer.Number, ride.Proxy.Number, ride.Driver.Number)
		log.await(t, "calls wait to be recorded")
		w.clock.Move(time.Second)
		w.connects(t, ride.Driver.Number, ride.Proxy.Number, ride.Customer.Number)
		log.await(t, "calls wait to be recorded")
		w.told()
		goOn()
		for heard := 0; heard < 2; {
			select {
			case <-w.changed:
			case <-time.After(time.Minute):
				t.Fatalf("%d calls were recorded, want 2", heard)
			}
			for _, e := range w.told() {
				if e.Kind == masking.CallIn {
					heard++
				}
			}
		}
		stop()
		running.Wait()
		calls, err := w.store.Calls(context.Background(), ride.ID)
		if err != nil || len(calls) != 2 || calls[0].To != ride.Driver.Number || calls[1].To != ride.Customer.Number {
			t.Errorf("got %v, %v; want both calls in their order", calls, err)
		}
	})
}

// The program ends although the database takes nothing.
func TestRecordCalls_BusyAtTheEnd(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride, log := pairUp(t, w), w.logs()
		w.connects(t, ride.Customer.Number, ride.Proxy.Number, ride.Driver.Number)
		busy(t, w.store)
		ctx, stop := context.WithCancel(context.Background())
		stop()
		w.Run(ctx)
		log.await(t, `msg="calls were not recorded" count=1`)
	})
}

// Calls wait as far as there is room, and the oldest first.
func TestRecordCalls_TooMany(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride, log := pairUp(t, w), w.logs()
		call := masking.CallRecord{RideID: ride.ID, From: ride.Customer.Number, Number: ride.Proxy.Number, Outcome: masking.Connected}
		for range exchange.CallQueue - 1 {
			w.Record(call)
		}
		first := call
		first.Outcome = masking.CallNotServed
		w.KeepCalls([]masking.CallRecord{first, call, call}, masking.ErrBusy)
		log.await(t, `msg="calls were not recorded" count=2`)
		ctx, stop := context.WithCancel(context.Background())
		stop()
		w.Run(ctx)
		calls, err := w.store.Calls(context.Background(), ride.ID)
		if err != nil || len(calls) != exchange.CallQueue || calls[0].Outcome != masking.CallNotServed {
			t.Errorf("%d calls were recorded, %v; want %d, and the oldest first", len(calls), err, exchange.CallQueue)
		}
	})
}
