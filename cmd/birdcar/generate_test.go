package main

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/store"
)

func TestGenerate_AddsUp(t *testing.T) {
	const rides, numbers = 700, 100
	database := newDatabase(t)
	env := map[string]string{"DATABASE_URL": database, "TIME_ZONE": "Asia/Kathmandu"}
	zone, err := time.LoadLocation(env["TIME_ZONE"])
	if err != nil {
		t.Fatal(err)
	}
	generate := func() (string, error) {
		var out bytes.Buffer
		err := run(context.Background(), []string{"birdcar", "generate", "--rides", "700", "--numbers", "100"},
			func(name string) string { return env[name] }, &out, &out)
		return out.String(), err
	}
	if out, err := generate(); err != nil || !strings.Contains(out, "700 rides (350 live)") {
		t.Fatalf("got %q, %v", out, err)
	}
	if _, err := generate(); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("again: got %v, want a refusal", err)
	}

	ctx := context.Background()
	s, err := store.Open(ctx, database, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	live := map[int64]int{}
	states := map[masking.RideState]int{}
	var closed []masking.Ride
	for id := int64(1); id <= rides; id++ {
		r, err := s.Ride(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		states[r.State]++
		if r.State == masking.Closed {
			closed = append(closed, r)
		}
		texts, err := s.Conversation(ctx, id)
		if err != nil || len(texts) < 2 {
			t.Fatalf("ride %d: %d texts, %v", id, len(texts), err)
		}
		if at := masking.SpokenTime(r.At.In(zone)); !strings.Contains(texts[0].Body, at) {
			t.Errorf("ride %d is at %s there, its text says %q", id, at, texts[0].Body)
		}
		for _, m := range texts {
			phone := m.To
			if m.Kind == masking.Inbound {
				phone = m.From
			}
			if m.Role == "" || phone != r.Party(m.Role).Number {
				t.Fatalf("ride %d: text %d is not of its %q", id, m.ID, m.Role)
			}
		}
		for _, role := range []masking.Role{masking.Customer, masking.Driver} {
			party, peer := r.Other(role), r.Other(r.Other(role).Role)
			find := s.Route
			if r.State == masking.Closed {
				find = s.ReleasedRoute
			} else {
				live[r.Proxy.ID]++
			}
			route, err := find(ctx, r.Proxy.Number, party.Number)
			if err != nil || r.State != masking.Closed && (route.RideID != id || route.Role != party.Role || route.Peer != peer.Number) {
				t.Fatalf("ride %d, %s: got %+v, %v", id, party.Role, route, err)
			}
		}
	}
	if states[masking.Closed] != 350 || states[masking.Open] != 175 || states[masking.Lingering] != 175 {
		t.Errorf("got %v", states)
	}
	pool, err := s.ProxyNumbers(ctx)
	if err != nil || len(pool) != numbers {
		t.Fatalf("%d proxy numbers, %v", len(pool), err)
	}
	for _, n := range pool {
		if n.LiveRoutes != live[n.ID] {
			t.Errorf("number %d counts %d live routes, has %d", n.ID, n.LiveRoutes, live[n.ID])
		}
	}
	if due, err := s.NextDue(ctx); err != nil || !due.IsZero() {
		t.Errorf("a text waits to be sent: %v, %v", due, err)
	}

	// The exchange goes on where the made-up past ends.
	x, err := exchange.New(exchange.Config{Store: s, Outbox: noOutbox{}, Zone: time.UTC, Country: "GB",
		RideLimit: 24 * time.Hour, Linger: 4 * time.Hour, Lease: outbox.Lease, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for _, old := range closed[:50] {
		r, err := x.ScheduleRide(ctx, masking.RideRequest{CustomerID: old.Customer.ID, DriverID: old.Driver.ID, At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		route, err := s.Route(ctx, r.Proxy.Number, r.Customer.Number)
		if err != nil || route.RideID != r.ID || r.Proxy.ID == old.Proxy.ID {
			t.Errorf("ride %d on number %d after %d: got %+v, %v", r.ID, r.Proxy.ID, old.Proxy.ID, route, err)
		}
	}
}

// Who drives is not asked to drive somebody else meanwhile.
func TestGenerate_OneRideAtATime(t *testing.T) {
	for _, rides := range []int{19, 700, 2000} {
		p := newPlatform(rides, 100, 4*time.Hour, 24*time.Hour, time.Now())
		made, overlaps := map[int64][]masking.Ride{}, 0
		for f, more := p.next(); more; f, more = p.next() {
			for _, r := range f.Rides {
				made[r.Driver.ID] = append(made[r.Driver.ID], r)
			}
		}
		for _, of := range made {
			slices.SortFunc(of, func(a, b masking.Ride) int { return a.Created.Compare(b.Created) })
			for i := range len(of) - 1 {
				if of[i].State == masking.Open || of[i+1].Created.Before(of[i].Ended) {
					overlaps++
				}
			}
		}
		if overlaps > 0 {
			t.Errorf("of %d rides %d began while their driver had another", rides, overlaps)
		}
	}
}

// Nobody may get a text because somebody tried a benchmark with a live key.
func TestGenerate_NumbersAreNobodys(t *testing.T) {
	for i := range 2000 {
		for _, first := range []int{2, 9} {
			country, n := phone(i*499, first)
			parsed, err := phonenumbers.Parse(n.E164(), "ZZ")
			if err != nil || phonenumbers.IsValidNumber(parsed) {
				t.Fatalf("%s may be somebody's (%v)", n.E164(), err)
			}
			if n.Country() != country {
				t.Errorf("%s: got %s, want %s", n.E164(), n.Country(), country)
			}
		}
	}
}
