package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/store"
)

// BenchmarkWebhookToCarrier measures, at rest, how long after the webhook's first
// byte the text begins to reach the carrier, over loopback HTTP on both sides. Beside it,
// from the same run, stand what that cannot do without: one request to a handler
// that does nothing, and one durable commit.
func BenchmarkWebhookToCarrier(b *testing.B) {
	arrived := make(chan time.Time, 1)
	messageBird := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		var in carrier.WireSend
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			b.Error(err)
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(carrier.WireMessage{ID: in.Reference, Direction: "mt", CreatedDatetime: carrier.WireTime(now)})
		if strings.HasPrefix(in.Body, "benchmark") {
			arrived <- now
		}
	}))
	defer messageBird.Close()
	database := filepath.Join(b.TempDir(), "birdcar.db")
	people := connectPeople(b, database, 50)
	program := start(b, database, map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": messageBird.URL})

	var relayed, empty, commits []time.Duration
	b.ResetTimer()
	for i := range b.N {
		p := people[i%len(people)]
		form := url.Values{"id": {fmt.Sprint(i)}, "originator": {p.from}, "recipient": {p.proxy}, "payload": {fmt.Sprintf("benchmark %d", i)}}.Encode()
		began := time.Now()
		response, err := loadClient.Post(program.base+"/webhook?token="+url.QueryEscape(program.token), "application/x-www-form-urlencoded", strings.NewReader(form))
		if got := statusOf(response, err); got != http.StatusOK {
			b.Fatalf("answered with %d", got)
		}
		relayed = append(relayed, (<-arrived).Sub(began))
	}
	b.StopTimer()
	for range min(b.N, 1000) {
		began := time.Now()
		if got := statusOf(loadClient.Get(program.base + "/healthz")); got != http.StatusOK {
			b.Fatalf("answered with %d", got)
		}
		empty = append(empty, time.Since(began))
	}
	s, err := store.Open(context.Background(), filepath.Join(b.TempDir(), "limit.db"), time.Now)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := range min(b.N, 1000) {
		began := time.Now()
		err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			return tx.UseSignature(ctx, fmt.Sprint(i), 1) // one small row
		})
		if err != nil {
			b.Fatal(err)
		}
		commits = append(commits, time.Since(began))
	}
	limit := median(empty) + median(commits)
	b.ReportMetric(float64(median(relayed).Microseconds()), "µs-median")
	b.ReportMetric(float64(limit.Microseconds()), "µs-limit")
	b.ReportMetric(float64(median(relayed))/float64(limit), "times-limit")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}
