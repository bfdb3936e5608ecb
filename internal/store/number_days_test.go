package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// Each text counts once on its day of the zone, whoever counts and how often.
func TestCountTexts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		zone := time.FixedZone("east", 10*60*60) // 22:00 there when the clock starts
		one, two, person := number(t, "447700900901"), number(t, "447700900902"), number(t, "447700900101")
		in := func(id string, to masking.Number) {
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, _, err := tx.AddInbound(ctx, store.Received{Text: masking.Text{CarrierID: id, From: person, To: to, Body: "Hello"}}, masking.Unrouted)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		countAll := func() {
			for more := true; more; {
				var err error
				if more, err = s.CountTexts(ctx, zone, clock.Now(), 2); err != nil {
					t.Fatal(err)
				}
			}
		}
		for i := range 5 {
			in(fmt.Sprint("a", i), one)
		}
		for range 5 {
			in("a0", one) // is there already, and takes an id of PostgreSQL's
		}
		in("b", two)
		countAll()
		countAll()
		clock.Move(3 * time.Hour) // the next day in the zone, not in UTC
		err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			m, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: one, To: person, Body: "Hello"}, time.Minute)
			if err != nil {
				return err
			}
			_, err = tx.MarkFailed(ctx, m, 9, "No such number.")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		clock.Move(time.Second)
		countAll()

		first := storetest.Start.In(zone)
		days, err := s.NumberDays(ctx, []masking.Number{one, two}, first, first.AddDate(0, 0, 1), zone)
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(days[one][0].Texts, days[one][1].Texts, days[one][1].Failed, days[two][0].Texts, days[two][1].Texts)
		if want := "5 1 1 1 0"; got != want || len(days[one]) != 2 {
			t.Errorf("got %s, want %s", got, want)
		}
		err = s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.DropDays(ctx, first.AddDate(0, 0, 1)) })
		if err != nil {
			t.Fatal(err)
		}
		if days, err = s.NumberDays(ctx, []masking.Number{one}, first, first.AddDate(0, 0, 1), zone); err != nil || days[one][0].Texts != 0 || days[one][1].Texts != 1 {
			t.Errorf("after the first day was dropped: %+v, %v", days[one], err)
		}
	})
}

// Texts of a batch that midnight parts are of different days, in a zone that is no whole hour away too.
func TestCountTexts_Midnight(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		zone := time.FixedZone("+0545", (5*60+45)*60)
		one := number(t, "447700900901")
		midnight := time.Date(2026, 11, 22, 0, 0, 0, 0, zone)
		for i, at := range []time.Duration{-time.Millisecond, 0, 14*time.Minute + 59*time.Second, 24*time.Hour - time.Millisecond, 24 * time.Hour} {
			clock.Move(midnight.Add(at).Sub(clock.Now()))
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, _, err := tx.AddInbound(ctx, store.Received{Text: masking.Text{CarrierID: fmt.Sprint(i), From: number(t, "447700900101"), To: one, Body: "Hello"}}, masking.Unrouted)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.CountTexts(ctx, zone, clock.Now(), 10); err != nil {
			t.Fatal(err)
		}
		days, err := s.NumberDays(ctx, []masking.Number{one}, midnight.AddDate(0, 0, -1), midnight.AddDate(0, 0, 1), zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(days[one][0].Texts, days[one][1].Texts, days[one][2].Texts); got != "1 3 1" {
			t.Errorf("got %s texts a day, want 1 3 1", got)
		}
	})
}

// The last text is not counted before its time: one with a lower id may follow.
func TestCountTexts_NotTooEarly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		one := number(t, "447700900901")
		err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, _, err := tx.AddInbound(ctx, store.Received{Text: masking.Text{CarrierID: "a", From: number(t, "447700900101"), To: one, Body: "Hello"}}, masking.Unrouted)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for want, before := range []time.Time{clock.Now().Add(-time.Millisecond), clock.Now()} {
			if _, err := s.CountTexts(ctx, time.UTC, before, 10); err != nil {
				t.Fatal(err)
			}
			days, err := s.NumberDays(ctx, []masking.Number{one}, clock.Now(), clock.Now(), time.UTC)
			if err != nil || days[one][0].Texts != want {
				t.Errorf("counted %v, %v; want %d", days[one], err, want)
			}
		}
	})
}

func TestPoolDays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		day := clock.Now()
		for _, use := range []masking.PoolUse{{Available: 9, InUse: 2}, {Available: 9, InUse: 7}, {Available: 9, InUse: 3}, {Available: 12, InUse: 7}} {
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.NotePoolDay(ctx, day, use) })
			if err != nil {
				t.Fatal(err)
			}
		}
		days, err := s.PoolDays(ctx, day)
		if err != nil || len(days) != 1 || days[0].InUse != 7 || days[0].Available != 12 {
			t.Errorf("got %+v, %v; want the busiest moment, 7 of 12", days, err)
		}
	})
}
