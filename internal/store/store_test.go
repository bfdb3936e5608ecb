package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestStore_Reopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "birdcar.db")
	ctx := context.Background()
	first, err := store.Open(ctx, path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := first.Setting(ctx, "webhook_token", "one")
	if err != nil || kept != "one" {
		t.Fatalf("got %q, %v; want the first fallback kept", kept, err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := storetest.Open(t, path, time.Now)
	if kept, err = again.Setting(ctx, "webhook_token", "two"); err != nil || kept != "one" {
		t.Errorf("after a restart got %q, %v; want what the first start kept", kept, err)
	}
	if err := again.Ping(ctx); err != nil {
		t.Error(err)
	}
}

func TestStore_Tx(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		add := func(digits string) error {
			return s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.AddProxyNumber(ctx, number(t, digits))
				return err
			})
		}

		t.Run("many at once, some of them conflicting", func(t *testing.T) {
			const callers = 100
			var wg sync.WaitGroup
			errs := make([]error, callers)
			for i := range callers {
				wg.Go(func() { errs[i] = add("4477009000" + string(rune('0'+i%10)) + "0") })
			}
			wg.Wait()
			stored := 0
			for _, err := range errs {
				if err == nil {
					stored++
				} else if !errors.Is(err, masking.ErrConflict) {
					t.Errorf("got %v, want ErrConflict", err)
				}
			}
			pool, err := s.ProxyNumbers(ctx)
			if err != nil || stored != 10 || len(pool) != 10 {
				t.Errorf("%d callers were told that theirs is stored, and %d numbers are, %v; want 10 and 10", stored, len(pool), err)
			}
		})

		t.Run("what fails leaves nothing behind", func(t *testing.T) {
			failure := errors.New("no")
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				if _, err := tx.AddProxyNumber(ctx, number(t, "447700900777")); err != nil {
					return err
				}
				return failure
			})
			if !errors.Is(err, failure) {
				t.Errorf("got %v, want the work's own error", err)
			}
			if in, err := s.InPool(ctx, number(t, "447700900777")); in || err != nil {
				t.Errorf("in the pool: %v, %v; want it rolled back", in, err)
			}
		})

		t.Run("a panic hurts nobody else", func(t *testing.T) {
			err := s.Tx(ctx, func(context.Context, *store.Tx) error { panic("boom") })
			if err == nil || !strings.Contains(err.Error(), "boom") {
				t.Errorf("got %v, want the panic as an error", err)
			}
			if err := add("447700900778"); err != nil {
				t.Errorf("the next transaction: %v", err)
			}
		})

		t.Run("a caller who left is not served", func(t *testing.T) {
			gone, cancel := context.WithCancel(ctx)
			cancel()
			ran := false
			err := s.Tx(gone, func(context.Context, *store.Tx) error { ran = true; return nil })
			if !errors.Is(err, context.Canceled) || ran {
				t.Errorf("got %v, ran %v; want context.Canceled and not run", err, ran)
			}
		})
	})
}

func TestStore_NumbersReadBackWhole(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		want := masking.Party{Role: masking.Driver, Name: "Ada", Number: number(t, "447700900123")}
		err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddParty(ctx, &want) })
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Party(ctx, masking.Driver, want.ID)
		if err != nil || got.Number.E164() != "+447700900123" || got.Name != "Ada" || !got.Created.Equal(clock.Now()) {
			t.Errorf("got %s %s %v, %v", got.Name, got.Number.E164(), got.Created, err)
		}
		if _, err := s.Party(ctx, masking.Customer, want.ID); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("a driver's id among the customers: got %v, want ErrNotFound", err)
		}
	})
}

// number reads carrier digits that the test knows to be a number.
func number(t testing.TB, digits string) masking.Number {
	t.Helper()
	n, err := masking.ParseCarrier(digits, "GB")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
