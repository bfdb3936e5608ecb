// Package storetest opens real databases for tests: every test that needs a store
// runs on each engine there is, with a clock of its own.
package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"birdcar/internal/store"
)

// Clock is a clock that only a test moves.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Start is when every test's clock starts.
var Start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// NewClock is a clock that stands at Start.
func NewClock() *Clock { return &Clock{at: Start} }

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Move moves the clock by d, which may be negative.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Each runs test on an empty database of each engine.
func Each(t *testing.T, test func(t *testing.T, s *store.Store, clock *Clock)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		clock := NewClock()
		test(t, Open(t, filepath.Join(t.TempDir(), "birdcar.db"), clock.Now), clock)
	})
	t.Run("postgres", func(t *testing.T) {
		clock := NewClock()
		test(t, Open(t, postgresWithSchema(t), clock.Now), clock)
	})
}

// Instances runs test with two stores on one empty database of each engine, as two
// processes have them; a SQLite database belongs to one process, so there both
// are the same.
func Instances(t *testing.T, test func(t *testing.T, one, other *store.Store, clock *Clock)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		clock := NewClock()
		s := Open(t, filepath.Join(t.TempDir(), "birdcar.db"), clock.Now)
		test(t, s, s, clock)
	})
	t.Run("postgres", func(t *testing.T) {
		clock, url := NewClock(), postgresWithSchema(t)
		test(t, Open(t, url, clock.Now), Open(t, url, clock.Now), clock)
	})
}

// Database is the URL of an empty database for a test that runs on one engine at a
// time: PostgreSQL when TEST_ENGINE is postgres, else SQLite.
func Database(t testing.TB) string {
	t.Helper()
	if os.Getenv("TEST_ENGINE") == "postgres" {
		return postgresWithSchema(t)
	}
	return filepath.Join(t.TempDir(), "birdcar.db")
}

// Open opens the database at url until the test's end.
func Open(t testing.TB, url string, now func() time.Time) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// SendAll sends what waits and is due, as an outbox does whose carrier takes everything.
func SendAll(s *store.Store) error {
	for {
		count := 0
		err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			sent, err := tx.Claim(ctx, 100, time.Minute)
			if count = len(sent); err != nil || count == 0 {
				return err
			}
			for i := range sent {
				sent[i].CarrierID = "carrier-" + sent[i].Reference
			}
			if _, err = tx.MarkSent(ctx, sent...); err != nil {
				return err
			}
			_, err = tx.ClaimNext(ctx, 0, sent...)
			return err
		})
		if err != nil || count == 0 {
			return err
		}
	}
}
