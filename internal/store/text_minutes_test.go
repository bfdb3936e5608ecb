package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// What became of texts is the same figure before it was counted and after, and
// after another count, whenever and however often that happens.
func TestStore_TextMinutes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		from, to := number(t, "442079460001"), number(t, "447700900101")
		began := clock.Now()
		send := func(becomes masking.MessageState) {
			t.Helper()
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				m, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: from, To: to, Body: "Hello"}, time.Minute)
				if err != nil {
					return err
				}
				if becomes == masking.Failed {
					_, err = tx.MarkFailed(ctx, m, 9, "It was rejected.")
					return err
				}
				if _, err := tx.MarkSent(ctx, m); err != nil || becomes == masking.Sent {
					return err
				}
				_, err = tx.Settle(ctx, m, masking.Report{State: becomes})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		wantMinutes := func(when string, want ...masking.TextMinute) {
			t.Helper()
			got, err := s.TextMinutes(ctx, began)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, want, func(a, b masking.TextMinute) bool {
				return a.At.Equal(b.At) && a.Sent == b.Sent && a.Delivered == b.Delivered && a.Failed == b.Failed
			}) {
				t.Errorf("%s: got %v, want %v", when, got, want)
			}
		}
		count := func() {
			t.Helper()
			if err := s.CountMinutes(ctx); err != nil {
				t.Fatal(err)
			}
		}

		wantMinutes("nothing happened")
		for _, state := range []masking.MessageState{masking.Delivered, masking.Delivered, masking.Sent, masking.Failed} {
			send(state)
		}
		first := masking.TextMinute{At: began, Sent: 3, Delivered: 2, Failed: 1}
		wantMinutes("at once", first)
		count()
		wantMinutes("counted too early to be sure", first)
		clock.Move(30 * time.Minute)
		second := masking.TextMinute{At: began.Add(30 * time.Minute), Sent: 1, Delivered: 1}
		send(masking.Delivered)
		wantMinutes("half an hour later", first, second)
		count()
		count()
		wantMinutes("counted", first, second)
		clock.Move(5 * time.Minute)
		count()
		wantMinutes("counted again", first, second)

		clock.Move(72 * time.Hour) // the process stood still
		send(masking.Failed)
		third := masking.TextMinute{At: clock.Now(), Failed: 1}
		count()
		began = clock.Now().Add(-24 * time.Hour)
		wantMinutes("three days later", third)
		clock.Move(5 * time.Minute)
		count()
		wantMinutes("counted three days later", third)
	})
}

func TestStore_Waiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		want := func(when string, want masking.Waiting) {
			t.Helper()
			got, err := s.Waiting(ctx, 2)
			if err != nil || got.Texts != want.Texts || got.More != want.More || !got.Oldest.Equal(want.Oldest) {
				t.Errorf("%s: got %+v (%v), want %+v", when, got, err, want)
			}
		}
		began := clock.Now()
		want("nothing waits", masking.Waiting{})
		for i := range 3 {
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				_, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: number(t, "442079460001"),
					To: number(t, "44770090010"+string(rune('1'+i))), Body: "Hello"}, 0)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			clock.Move(time.Minute)
			want("some wait", masking.Waiting{Texts: min(i+1, 2), More: i == 2, Oldest: began})
		}
	})
}

// A clock that was ahead for a moment, and set back, must not stop the counting until that time comes.
func TestCounting_ClockSetBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		from, to := number(t, "442079460001"), number(t, "447700900101")
		began := clock.Now()
		send := func() {
			t.Helper()
			err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				m, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: from, To: to, Body: "Hello"}, time.Minute)
				if err == nil {
					_, err = tx.MarkSent(ctx, m)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		count := func() {
			t.Helper()
			err := s.CountMinutes(ctx)
			for more := true; more && err == nil; {
				more, err = s.CountTexts(ctx, time.UTC, clock.Now().Add(-10*time.Second), 1000)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		count()
		clock.Move(30 * 24 * time.Hour)
		send()
		clock.Move(time.Hour)
		count()
		clock.Move(-30*24*time.Hour - time.Hour)
		for range 5 {
			send()
			clock.Move(time.Hour)
			count()
		}
		minutes, err := s.TextMinutes(ctx, began.Add(-time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		sent := int64(0)
		for _, m := range minutes {
			if m.At.Before(clock.Now()) {
				sent += m.Sent
			}
		}
		days, err := s.NumberDays(ctx, []masking.Number{from}, began, clock.Now(), time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		texts := 0
		for _, d := range days[from] {
			texts += d.Texts
		}
		if sent != 5 || texts != 5 {
			t.Errorf("5 texts were sent since the clock was set back; the minutes say %d, the number's days %d", sent, texts)
		}
	})
}
