package exchange_test

import (
	"context"
	"database/sql"
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

// signed is what a signed call of the customer's gets; "replayed" if nothing.
func (w *town) signed(t tb, ride masking.Ride, p exchange.Proof) string {
	t.Helper()
	flow, err := w.RouteCall(context.Background(), masking.Call{From: ride.Customer.Number, To: ride.Proxy.Number}, p)
	switch {
	case errors.Is(err, exchange.ErrReplayed):
		return "replayed"
	case err != nil:
		t.Fatalf("a signed call: %v", err)
	case flow == masking.CallFlow{Transfer: ride.Driver.Number}:
		return "connected"
	}
	return flow.Say
}

func TestRouteCall_Signed(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride, another := pairUp(t, w), newTown(t, w.store, w.clock)
		p := exchange.Proof{ID: "signature", Expires: w.clock.Now().Add(time.Minute)}
		for i, want := range []string{"connected", "replayed", "replayed"} {
			if got := w.signed(t, ride, p); got != want {
				t.Errorf("call %d: %s, want %s", i, got, want)
			}
		}
		if got := another.signed(t, ride, p); got != "replayed" {
			t.Errorf("at another instance: %s", got)
		}
	})
}

// A signature that comes twice at once lets in once.
func TestRouteCall_SignedTwiceAtOnce(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		p := exchange.Proof{ID: "signature", Expires: w.clock.Now().Add(time.Minute)}
		var mu sync.Mutex
		got := map[string]int{}
		var calls sync.WaitGroup
		for range 20 {
			calls.Go(func() {
				what := w.signed(t, ride, p)
				mu.Lock()
				defer mu.Unlock()
				got[what]++
			})
		}
		calls.Wait()
		if got["connected"] != 1 || got["replayed"] != 19 {
			t.Errorf("got %v, want one connected and the others refused", got)
		}
	})
}

// While another holds the database, a signed call is connected: what it needs can be read.
func TestRouteCall_SignedWhileNothingIsWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := storetest.NewClock()
		w := newTown(t, storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), clock.Now), clock)
		ride, another := pairUp(t, w), newTown(t, w.store, w.clock)
		held, release := make(chan struct{}), make(chan struct{})
		var holding sync.WaitGroup
		holding.Go(func() {
			_ = w.store.Tx(context.Background(), func(context.Context, *store.Tx) error { close(held); <-release; return nil })
		})
		<-held
		p := exchange.Proof{ID: "signature", Expires: clock.Now().Add(time.Minute)}
		began := time.Now()
		if got := w.signed(t, ride, p); got != "connected" || time.Since(began) > time.Second {
			t.Errorf("after %v: %s, want a connection well before %v", time.Since(began), got, exchange.AnswerWithin)
		}
		if got := w.signed(t, ride, p); got != "replayed" {
			t.Errorf("the same signature again: %s", got)
		}
		close(release)
		holding.Wait()
		synctest.Wait()
		for name, x := range map[string]*town{"at the same instance": w, "at another": another} {
			if got := x.signed(t, ride, p); got != "replayed" {
				t.Errorf("the same signature, once the note of it is written, %s: %s", name, got)
			}
		}
	})
}

// What cannot be noted is remembered until it expires, as long as there is room.
func TestRouteCall_SignedWithoutANote(t *testing.T) {
	clock := storetest.NewClock()
	path := filepath.Join(t.TempDir(), "birdcar.db")
	w := newTown(t, storetest.Open(t, path, clock.Now), clock)
	ride := pairUp(t, w)
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE TRIGGER broken BEFORE INSERT ON signatures BEGIN SELECT RAISE(FAIL, 'broken'); END"); err != nil {
		t.Fatal(err)
	}
	gets := func(when string, p exchange.Proof, want string) {
		t.Helper()
		if got := w.signed(t, ride, p); got != want {
			t.Errorf("%s: %s, want %s", when, got, want)
		}
	}
	until := func(id string) exchange.Proof {
		return exchange.Proof{ID: id, Expires: clock.Now().Add(time.Minute)}
	}
	first, second := until("first"), until("second")
	gets("the first", first, "connected")
	gets("the first again", first, "replayed")
	gets("the second", second, "connected")
	clock.Move(time.Minute)
	gets("the second in its last moment", second, "replayed")
	w.FillSignatures(until("any").Expires)
	gets("without room", until("third"), masking.SayUnavailable)
	clock.Move(2 * time.Minute)
	gets("with room again", until("fourth"), "connected")
	if n := w.Signatures(); n != 1 {
		t.Errorf("%d signatures are remembered, want the last", n)
	}
	if _, err := db.Exec("DROP TRIGGER broken"); err != nil {
		t.Fatal(err)
	}
	w.FillSignatures(until("any").Expires)
	gets("without room, but noted", until("fifth"), "connected")
}
