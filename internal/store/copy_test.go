package store_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestStore_CopyTo(t *testing.T) {
	file := func(t *testing.T) string { return filepath.Join(t.TempDir(), "birdcar.db") }
	postgres := func(t *testing.T) string { return storetest.Postgres(t) }
	for name, urls := range map[string][2]func(*testing.T) string{
		"a file to PostgreSQL":   {file, postgres},
		"PostgreSQL to a file":   {postgres, file},
		"one file to another":    {file, file},
		"PostgreSQL to its like": {postgres, postgres},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			from := storetest.Open(t, urls[0](t), time.Now)
			to := storetest.Open(t, urls[1](t), time.Now)
			inhabit(t, from)
			copied := map[string]int64{}
			if err := from.CopyTo(ctx, to, func(c store.CopiedTable) { copied[c.Name] = c.Rows }); err != nil {
				t.Fatal(err)
			}
			if copied["messages"] != 2 || copied["routes"] != 2 || copied["sessions"] != 1 || copied["signatures"] != 1 {
				t.Errorf("copied %v; want 2 messages, 2 routes, a session and a signature", copied)
			}
			was, err := from.CurrentRides(ctx, 10)
			if err != nil || len(was) != 1 {
				t.Fatalf("%d rides, %v", len(was), err)
			}
			got, err := to.CurrentRides(ctx, 10)
			if err != nil || len(got) != 1 || got[0] != was[0] {
				t.Errorf("got rides %+v, %v; want %+v", got, err, was)
			}

			// What is added goes on counting, also past what was deleted before.
			driver := masking.Party{Role: masking.Driver, Name: "Late", Number: number(t, "447700900209")}
			var message masking.Message
			err = to.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
				if err = tx.AddParty(ctx, &driver); err != nil {
					return err
				}
				message, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: number(t, "442079460001"), To: driver.Number, Body: "x"}, 0)
				return err
			})
			if err != nil || driver.ID != 2 {
				t.Errorf("the next driver has id %d, %v; want 2", driver.ID, err)
			}
			conversation, err := to.Conversation(ctx, was[0].ID)
			if err != nil || message.ID != conversation[len(conversation)-1].ID+1 {
				t.Errorf("the next message has id %d after %d, %v", message.ID, conversation[len(conversation)-1].ID, err)
			}
			before, err := from.Conversation(ctx, was[0].ID)
			if err != nil || before[0].Reference != conversation[0].Reference || conversation[0].Role != masking.Customer {
				t.Errorf("the carrier knows %q, and now it would be asked for %q, %v", before[0].Reference, conversation[0].Reference, err)
			}

			if err := from.CopyTo(ctx, to, func(store.CopiedTable) {}); err == nil {
				t.Error("a database with data was copied over")
			}
		})
	}
}

// inhabit gives a database a ride, its texts, a session and a used signature, and a
// number that was deleted again.
func inhabit(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		ride := masking.Ride{Start: "Utrecht 🚲", Destination: "Zürich", At: storetest.Start, Due: storetest.Start.Add(time.Hour),
			Customer: masking.Party{Role: masking.Customer, Name: "Ada", Number: number(t, "447700900101")},
			Driver:   masking.Party{Role: masking.Driver, Name: "Bob", Number: number(t, "447700900201")}}
		proxy, err := tx.AddProxyNumber(ctx, number(t, "442079460001"))
		if err != nil {
			return err
		}
		ride.Proxy = proxy
		for _, p := range []*masking.Party{&ride.Customer, &ride.Driver} {
			if err := tx.AddParty(ctx, p); err != nil {
				return err
			}
		}
		if err := tx.AddRide(ctx, &ride); err != nil {
			return err
		}
		for _, to := range []masking.Party{ride.Customer, ride.Driver} {
			if _, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, RideID: ride.ID, Role: to.Role, From: proxy.Number, To: to.Number, Body: "See you"}, 0); err != nil {
				return err
			}
		}
		if err := tx.UseSignature(ctx, "d0bfcb1f-used", storetest.Start.Add(time.Minute).UnixMilli()); err != nil {
			return err
		}
		gone, err := tx.AddProxyNumber(ctx, number(t, "442079460002"))
		if err != nil {
			return err
		}
		return tx.DeleteProxyNumber(ctx, gone.ID)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.NewSessions().CommitCtx(ctx, "token", []byte{0, 1, 255}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}
