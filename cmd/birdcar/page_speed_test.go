package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Pages cost the same however many rides there are. With TORTURE=1 the larger
// platform has a million rides, which takes minutes to make.
func TestPages_speed(t *testing.T) {
	if testing.Short() {
		t.Skip("it measures time")
	}
	small, large := 4000, 40_000
	if os.Getenv("TORTURE") != "" {
		small, large = 10_000, 1_000_000
	}
	few, many := pageTimes(t, small), pageTimes(t, large)
	t.Logf("%-38s %10d rides %10d rides   ratio", "page, fastest of 15", small, large)
	for i, page := range many {
		ratio := float64(page.took) / float64(few[i].took)
		t.Logf("%-38s %13.1f ms %13.1f ms %7.1f", page.name, milliseconds(few[i].took), milliseconds(page.took), ratio)
		// Of short times most is the machine's own noise.
		if ratio > 4 && page.took > 30*time.Millisecond {
			t.Errorf("%s takes %.1f times as long with %d rides as with %d", page.name, ratio, large, small)
		}
	}
}

type pageTime struct {
	name string
	took time.Duration
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// pageTimes makes a platform and measures its pages over HTTP.
func pageTimes(t *testing.T, rides int) []pageTime {
	t.Helper()
	database := newDatabase(t)
	newest := makePlatform(t, database, rides)
	b := start(t, database, map[string]string{"ADMIN_PASSWORD": "pass word"})
	defer b.stop()
	admin := newAdmin(t, b.base)
	admin.post("/login", url.Values{"password": {"pass word"}})
	var times []pageTime
	for _, page := range []struct{ name, path string }{
		{"home", "/"},
		{"rides, first page", "/rides"},
		{"rides, last page", "/rides?newer=end"},
		{"rides, closed, last page", "/rides?state=closed&newer=end"},
		{"rides of today", "/rides?day=today"},
		{"search by a customer's number", "/rides?q=" + newest.Customer.Number.Digits()},
		{"search by a proxy number", "/rides?q=" + newest.Proxy.Number.Digits()},
		{"search by a name", "/rides?q=" + url.QueryEscape(newest.Driver.Name)},
		{"search by a place and a name", "/rides?q=" + url.QueryEscape(newest.Start+" "+newest.Customer.Name)},
		{"search for nobody", "/rides?q=nobodyatall"},
		{"a ride", fmt.Sprintf("/rides/%d", newest.ID)},
		{"messages", "/messages"},
	} {
		var took []time.Duration
		for range 15 {
			began := time.Now()
			if got := admin.get(page.path); got.status != http.StatusOK {
				t.Fatalf("%s answers %d", page.path, got.status)
			}
			took = append(took, time.Since(began))
		}
		times = append(times, pageTime{page.name, slices.Min(took)})
	}
	return times
}

// makePlatform fills a new database and returns the newest ride.
func makePlatform(t *testing.T, database string, rides int) masking.Ride {
	t.Helper()
	ctx := context.Background()
	s, err := store.Open(ctx, database, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	p := newPlatform(rides, 1000, 4*time.Hour, 24*time.Hour, time.Now())
	for f, more := p.next(); more; f, more = p.next() {
		if err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Fill(ctx, f) }); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.RideList(ctx, store.RideFilter{}, store.Span{Limit: 1})
	if err != nil || len(list.Rides) != 1 {
		t.Fatalf("no newest ride: %v", err)
	}
	return list.Rides[0]
}
