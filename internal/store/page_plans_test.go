package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
)

// No question of a page reads a whole table or sorts what it finds: each goes
// along an index that is in the order of the answer, and stops at its limit.
func TestPages_plans(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	fillForPlans(t, s)

	asked := map[string]bool{}
	rewrite := s.engine.rewrite
	s.engine.rewrite = func(query string) string {
		asked[query] = true
		return rewrite(query)
	}
	ask := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	for _, terms := range [][]masking.Term{nil, masking.Terms("ada schiphol 0101", "GB")} {
		for _, state := range []masking.RideState{"", masking.Closed} {
			for _, from := range []time.Time{{}, now.Add(-time.Hour)} {
				for _, key := range []RideKey{{}, {At: now.UnixMilli(), ID: 5}} {
					for _, newer := range []bool{false, true} {
						f := RideFilter{Terms: terms, State: state}
						if !from.IsZero() {
							f.From, f.Until = from, from.Add(24*time.Hour)
						}
						_, err := s.RideList(ctx, f, Span{Key: key, Newer: newer, Limit: 5})
						ask(err)
					}
				}
			}
		}
	}
	_, err = s.CurrentRides(ctx, 5)
	ask(err)
	_, err = s.RideTexts(ctx, 1, 0, 5)
	ask(err)
	_, err = s.RideTextsOf(ctx, 1, masking.Confirming)
	ask(err)
	_, err = s.RideCalls(ctx, 1, 0, 5)
	ask(err)
	_, err = s.Caused(ctx, 1)
	ask(err)
	_, err = s.Waiting(ctx, 5)
	ask(err)
	_, _, err = s.Attention(ctx, 5)
	ask(err)
	_, err = s.FailedMessages(ctx, 0, 5)
	ask(err)
	_, err = s.FailedOfLive(ctx, 0, 5)
	ask(err)
	_, err = s.CountFailedOfLive(ctx, 5)
	ask(err)
	_, err = s.WaitingMessages(ctx, 5)
	ask(err)
	_, err = s.UnroutedTexts(ctx, 0, 5)
	ask(err)
	_, err = s.TextMinutes(ctx, now.Add(-24*time.Hour))
	ask(err)

	s.engine.rewrite = rewrite
	if len(asked) < 25 {
		t.Errorf("only %d questions were asked", len(asked))
	}
	for query := range asked {
		steps, err := list(ctx, querier{s.write, &s.engine, nil}, func(row scanner) (string, error) {
			var id, parent, unused int
			var step string
			err := row.Scan(&id, &parent, &unused, &step)
			return step, err
		}, "EXPLAIN QUERY PLAN "+query, make([]any, argumentsOf(query))...)
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		plan := strings.Join(steps, "; ")
		t.Logf("%s\n    %s", strings.Join(strings.Fields(query), " "), plan)
		if strings.Contains(query, "of_ride") { // what is of a ride lies in parts, and its ids are sorted
			if !strings.Contains(plan, "_ride (<expr>=? AND ride_id=?") {
				t.Errorf("this does not find what is of a ride by its index:\n%s\n    %s", query, plan)
			}
			continue
		}
		if strings.Contains(plan, "USE TEMP B-TREE FOR ORDER BY") || !strings.Contains(query, "LIMIT") && strings.Contains(plan, "SCAN") {
			t.Errorf("this reads more than it answers:\n%s\n    %s", query, plan)
		}
	}
}

// argumentsOf is how many arguments a query takes.
func argumentsOf(query string) (n int) {
	for strings.Contains(query, fmt.Sprintf("$%d", n+1)) {
		n++
	}
	return n
}

func fillForPlans(t *testing.T, s *Store) {
	t.Helper()
	number := func(digits string) masking.Number {
		n, err := masking.ParseCarrier(digits, "GB")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	f := Filling{
		Customers: []masking.Party{{ID: 1, Role: masking.Customer, Name: "Ada", Number: number("447700900101")}},
		Drivers:   []masking.Party{{ID: 1, Role: masking.Driver, Name: "Adam", Number: number("447700900201")}},
		Numbers:   []masking.ProxyNumber{{ID: 1, Number: number("442079460101"), Country: "GB", State: masking.Available}},
	}
	for i := int64(1); i <= 50; i++ {
		at := time.Now().Add(-time.Duration(i) * time.Minute)
		f.Rides = append(f.Rides, masking.Ride{ID: i, Customer: f.Customers[0], Driver: f.Drivers[0], Proxy: f.Numbers[0],
			Start: fmt.Sprintf("Dam %d", i), Destination: "Schiphol", At: at, State: masking.Closed, Created: at, Ended: at, ClosedAt: at})
	}
	if err := s.Tx(context.Background(), func(ctx context.Context, tx *Tx) error { return tx.Fill(ctx, f) }); err != nil {
		t.Fatal(err)
	}
}
