package main

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store/storetest"
)

// What happens at one instance is told at the others, once, and not again at home.
func TestInstances_Tell(t *testing.T) {
	database := storetest.Postgres(t)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	heard := [2]chan masking.Event{make(chan masking.Event, 1000), make(chan masking.Event, 1000)}
	var both [2]*instances
	next := func(at int) masking.Event {
		t.Helper()
		select {
		case e := <-heard[at]:
			return e
		case <-time.After(patience):
			t.Fatalf("instance %d was told nothing", at)
			return masking.Event{}
		}
	}
	for i := range both {
		s := storetest.Open(t, database, time.Now)
		both[i] = newInstances(s, func(e masking.Event) { heard[i] <- e }, slog.New(slog.DiscardHandler))
		running.Go(func() { both[i].run(ctx) })
	}
	for i := range both {
		if e := next(i); e.Kind != masking.SendingMoved { // it listens, and so has missed something
			t.Fatalf("instance %d was told %+v", i, e)
		}
	}
	const events = 300 // more than a notice holds
	for n := range events {
		both[0].tell(masking.Event{Kind: masking.MessageMoved, At: storetest.Start, RideID: int64(n), MessageID: 1 << 60, State: masking.Delivered})
	}
	for n := range events {
		if e := next(1); e.RideID != int64(n) || e.Kind != masking.MessageMoved || e.State != masking.Delivered || !e.At.Equal(storetest.Start) {
			t.Fatalf("event %d came as %+v", n, e)
		}
	}
	both[1].tell(masking.Event{Kind: masking.RideChanged, RideID: 7})
	if e := next(0); e.Kind != masking.RideChanged || e.RideID != 7 { // nothing of its own before
		t.Errorf("got %+v", e)
	}
}
