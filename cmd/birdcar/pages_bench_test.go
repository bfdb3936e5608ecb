package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Pages cost about the same however many rides there are: of each, how many times as long it
// takes with ten times the rides. With TORTURE=1 the larger platform has a million, which takes
// minutes to make. That pages find what they show by an index is a test of package store.
func BenchmarkPages(b *testing.B) {
	small, large := 4000, 40_000
	if os.Getenv("TORTURE") != "" {
		small, large = 10_000, 1_000_000
	}
	few, many := serveRides(b, small), serveRides(b, large)
	for _, page := range []struct {
		name string
		path func(newest masking.Ride) string
	}{
		{"home", always("/")},
		{"rides, first page", always("/rides")},
		{"rides, last page", always("/rides?newer=end")},
		{"rides, closed, last page", always("/rides?state=closed&newer=end")},
		{"rides of today", always("/rides?day=today")},
		{"search by a customer's number", func(r masking.Ride) string { return "/rides?q=" + r.Customer.Number.Digits() }},
		{"search by a proxy number", func(r masking.Ride) string { return "/rides?q=" + r.Proxy.Number.Digits() }},
		{"search by a name", func(r masking.Ride) string { return "/rides?q=" + url.QueryEscape(r.Driver.Name) }},
		{"search by a place and a name", func(r masking.Ride) string { return "/rides?q=" + url.QueryEscape(r.Start+" "+r.Customer.Name) }},
		{"search for nobody", always("/rides?q=nobodyatall")},
		{"a ride", func(r masking.Ride) string { return fmt.Sprintf("/rides/%d", r.ID) }},
		{"messages", always("/messages")},
	} {
		b.Run(page.name, func(b *testing.B) {
			var tookFew, tookMany time.Duration
			for b.Loop() { // in turns: what else the machine does is the same to both
				tookFew += few.time(page.path(few.newest))
				tookMany += many.time(page.path(many.newest))
			}
			b.ReportMetric(float64(tookMany)/float64(tookFew), "times")
		})
	}
}

func always(path string) func(masking.Ride) string { return func(masking.Ride) string { return path } }

// manyRides is the admin of a running BirdCar with many rides.
type manyRides struct {
	*admin
	newest masking.Ride
}

func serveRides(b *testing.B, rides int) manyRides {
	b.Helper()
	database := newDatabase(b)
	newest := makePlatform(b, database, rides)
	running := start(b, database, map[string]string{"ADMIN_PASSWORD": "pass word"})
	b.Cleanup(running.stop)
	m := manyRides{newAdmin(b, running.base), newest}
	m.post("/login", url.Values{"password": {"pass word"}})
	return m
}

// time is how long a page takes over HTTP.
func (m manyRides) time(path string) time.Duration {
	began := time.Now()
	if got := m.get(path); got.status != http.StatusOK {
		m.t.Fatalf("%s answers %d", path, got.status)
	}
	return time.Since(began)
}

// makePlatform fills a new database and returns the newest ride.
func makePlatform(t testing.TB, database string, rides int) masking.Ride {
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
