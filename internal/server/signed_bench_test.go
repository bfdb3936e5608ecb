package server_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/server"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

const (
	atOnce = 64  // webhooks
	rivals = 100 // rides that they are of
)

// What a signature adds to a webhook at full load: of each kind, how many times as long one takes
// with a signature, which is checked, noted and at last deleted, as one with the token.
func BenchmarkSigned(b *testing.B) {
	for _, kind := range []struct {
		name, method string
		bring        func(i int) (target, body string)
	}{
		{"call", http.MethodGet, func(i int) (target, body string) {
			return fmt.Sprintf("/webhook-voice?callID=%d&source=447700901%03d&destination=447700900001", i, i%rivals), ""
		}},
		{"text", http.MethodPost, func(i int) (target, body string) {
			return "/webhook", fmt.Sprintf("id=%d&originator=447700901%03d&recipient=447700900001&payload=Where+are+you%%3F", i, i%rivals)
		}},
		{"report", http.MethodGet, func(i int) (target, body string) {
			return fmt.Sprintf("/webhook-status?id=%d&reference=unknown&recipient=447700900123&status=delivered", i), ""
		}},
	} {
		b.Run(kind.name, func(b *testing.B) {
			s, brought := newLoaded(b), 0
			round := func(signed bool) time.Duration {
				all := make([]*http.Request, 1024)
				for i := range all {
					brought++
					target, body := kind.bring(brought)
					all[i] = s.request(kind.method, target, body, signed)
				}
				return s.serve(all)
			}
			var took [2]time.Duration
			for b.Loop() { // in turns: what else the machine does is the same to both
				for _, signed := range [...]int{0, 1, 1, 0} {
					took[signed] += round(signed == 1)
				}
			}
			each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(brought/2) }
			b.ReportMetric(0, "ns/op") // of a round, with what is not measured
			b.ReportMetric(each(took[0]), "µs/token")
			b.ReportMetric(each(took[1]), "µs/signature")
			b.ReportMetric(float64(took[1])/float64(took[0]), "times")
		})
	}
}

// loaded is a BirdCar with rides, without a browser before it.
type loaded struct {
	b       *testing.B
	store   *store.Store
	clock   *storetest.Clock
	handler http.Handler
}

func newLoaded(b *testing.B) loaded {
	b.Helper()
	ctx, stop := context.WithCancel(context.Background())
	clock := storetest.NewClock()
	s := storetest.Open(b, filepath.Join(b.TempDir(), "birdcar.db"), clock.Now)
	log := slog.New(slog.DiscardHandler)
	x, err := exchange.New(exchange.Config{Store: s, Outbox: noOutbox{}, Zone: time.UTC, Country: "GB",
		RideLimit: 8760 * time.Hour, Linger: 4 * time.Hour, Lease: time.Minute, Now: clock.Now, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	verifier, err := carrier.NewVerifier(signingKey, clock.Now)
	if err != nil {
		b.Fatal(err)
	}
	site, err := server.New(server.Config{Store: s, Exchange: x, PublicURL: publicURL, Token: token, Verifier: verifier,
		Password: password, Country: "GB", Zone: time.UTC, Now: clock.Now, Log: log})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := x.AddNumber(ctx, "+447700900001"); err != nil {
		b.Fatal(err)
	}
	for i := range rivals {
		customer, err := x.AddParty(ctx, masking.Customer, "Ada", fmt.Sprintf("+447700901%03d", i))
		if err != nil {
			b.Fatal(err)
		}
		driver, err := x.AddParty(ctx, masking.Driver, "Ben", fmt.Sprintf("+447700902%03d", i))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := x.ScheduleRide(ctx, masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, At: clock.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
	}
	var running sync.WaitGroup
	running.Go(func() { x.Run(ctx) })
	b.Cleanup(func() {
		stop()
		running.Wait()
	})
	return loaded{b, s, clock, site.Handler()}
}

func (s loaded) request(method, target, body string, signed bool) *http.Request {
	if !signed {
		target += map[bool]string{true: "&", false: "?"}[strings.Contains(target, "?")] + "token=" + token
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", formType)
	if signed {
		signature, err := carrier.Sign(signingKey, publicURL+target, []byte(body), s.clock.Now())
		if err != nil {
			s.b.Fatal(err)
		}
		r.Header.Set(carrier.SignatureHeader, signature)
	}
	return r
}

// serve brings all, many at once, lets their signatures expire, and says how long that took.
func (s loaded) serve(all []*http.Request) time.Duration {
	began := time.Now()
	var carriers sync.WaitGroup
	for part := range slices.Chunk(all, len(all)/atOnce) {
		carriers.Go(func() {
			for _, r := range part {
				w := httptest.NewRecorder()
				if s.handler.ServeHTTP(w, r); w.Code != http.StatusOK {
					s.b.Errorf("answered %d %s", w.Code, w.Body)
				}
			}
		})
	}
	carriers.Wait()
	s.clock.Move(2 * time.Minute)
	err := s.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error { return tx.DropExpired(ctx) })
	took := time.Since(began)
	if err != nil {
		s.b.Fatal(err)
	}
	if err := storetest.SendAll(s.store); err != nil {
		s.b.Fatal(err)
	}
	return took
}
