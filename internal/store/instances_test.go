package store_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// A lane whose messages are handed on in memory alone, by two instances: were one
// parked while nobody is left to wake it, it would stay for ever.
func TestInstances_Lane(t *testing.T) {
	storetest.Instances(t, func(t *testing.T, one, other *store.Store, _ *storetest.Clock) {
		const rounds = 150
		from, to := number(t, "442079460001"), number(t, "447700900101")
		hand := make(chan masking.Message, 3)
		enqueue := func(s *store.Store) error {
			var m masking.Message
			err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
				m, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: from, To: to, Body: "x"}, time.Minute)
				return err
			})
			if err == nil && m.State == masking.Sending {
				hand <- m
			}
			return err
		}
		complete := func(s *store.Store, m masking.Message) error {
			var next []masking.Message
			err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.MarkSent(ctx, m)
				if err == nil {
					next, err = tx.ClaimNext(ctx, time.Minute, m)
				}
				return err
			})
			if err == nil && len(next) > 0 {
				hand <- next[0]
			}
			return err
		}

		if err := enqueue(one); err != nil {
			t.Fatal(err)
		}
		last := int64(0)
		for round := range rounds {
			if len(hand) != 1 {
				t.Fatalf("round %d: %d messages of a lane are in hand; want its first", round, len(hand))
			}
			m := <-hand
			if m.ID <= last {
				t.Errorf("round %d: message %d is sent after %d", round, m.ID, last)
			}
			last = m.ID
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := complete(one, m); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if err := enqueue(other); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
		}
	})
}

func TestInstances_ClaimOnce(t *testing.T) {
	storetest.Instances(t, func(t *testing.T, one, other *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		const messages = 300
		err := one.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			for i := range messages {
				u := store.Unsent{Kind: masking.Confirming, From: number(t, "442079460001"), To: person(t, i), Body: "x"}
				if _, err := tx.Enqueue(ctx, u, 0); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		claims := map[int64]int{}
		var wg sync.WaitGroup
		for i := range 8 {
			s := []*store.Store{one, other}[i%2]
			wg.Go(func() {
				for {
					var claimed []masking.Message
					err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
						claimed, err = tx.Claim(ctx, 7, time.Minute)
						return err
					})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, m := range claimed {
						claims[m.ID]++
					}
					done := len(claims) == messages
					mu.Unlock()
					if len(claimed) == 0 && done {
						return
					}
				}
			})
		}
		wg.Wait()
		for id, n := range claims {
			if n != 1 {
				t.Errorf("message %d was claimed %d times", id, n)
			}
		}
	})
}

// The order of becoming available says what a party has walked through, so no two
// numbers may have one place in it.
func TestInstances_PoolOrder(t *testing.T) {
	storetest.Instances(t, func(t *testing.T, one, other *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		var wg sync.WaitGroup
		for w := range 8 {
			s := []*store.Store{one, other}[w%2]
			wg.Go(func() {
				for i := range 20 {
					err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
						_, err := tx.AddProxyNumber(ctx, person(t, 20*w+i))
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		places, err := one.Pairs(ctx, "SELECT CAST(COUNT(DISTINCT available_seq) AS TEXT), CAST(COUNT(*) AS TEXT) FROM proxy_numbers")
		if err != nil || places[0] != [2]string{"160", "160"} {
			t.Errorf("%v places, %v; want 160 for 160 numbers", places, err)
		}
	})
}

// Between the look at the numbers and the ride that gets one, another instance may
// take that one out of the pool.
func TestInstances_ChosenNumberIsRetired(t *testing.T) {
	storetest.Instances(t, func(t *testing.T, one, other *store.Store, _ *storetest.Clock) {
		if one == other {
			return // SQLite: one transaction at a time
		}
		ctx := context.Background()
		err := one.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			for i := range 2 {
				if _, err := tx.AddProxyNumber(ctx, person(t, i)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var retired int64
		store.OnceChosen(func(chosen int64) {
			retired = chosen
			err := other.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetPoolState(ctx, chosen, masking.Retired) })
			if err != nil {
				t.Error(err)
			}
		})
		var got masking.ProxyNumber
		err = one.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			got, err = tx.ChooseNumber(ctx, person(t, 10), person(t, 11), "GB")
			return err
		})
		if err != nil || retired == 0 || got.ID == retired || got.State != masking.Available {
			t.Errorf("chose %+v, %v, after number %d was retired", got, err, retired)
		}
	})
}

// person is one of 1,000 numbers that Ofcom keeps free for drama.
func person(t testing.TB, i int) masking.Number {
	t.Helper()
	const digits = "0123456789"
	return number(t, "447700900"+string([]byte{digits[i/100%10], digits[i/10%10], digits[i%10]}))
}
