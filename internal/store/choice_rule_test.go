package store

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"birdcar/internal/masking"
)

// However few numbers the choice looks at, it finds one that is new to both
// whenever there is one, and the least recent else. It is compared with all
// numbers of the pool, one by one.
func TestChooseNumber_LooksAtFew(t *testing.T) {
	was := looks
	defer func() { looks = was }()
	looks.few, looks.many, looks.page, looks.listed = 1, 2, 2, 2

	for name, value := range map[string]string{"rapid.checks": "20", "rapid.steps": "150"} { // longer lives in fewer databases
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			_ = f.Value.Set(value)
			defer func() { _ = f.Value.Set(f.DefValue) }()
		}
	}
	var files, fromLists atomic.Int64
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		c := &choices{t: t, ctx: context.Background(), now: time.UnixMilli(1_800_000_000_000), fromLists: &fromLists}
		s, err := Open(c.ctx, filepath.Join(folder, fmt.Sprint(files.Add(1), ".db")), func() time.Time { return c.now })
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		c.store = s
		for i := range 3 {
			c.parties = append(c.parties, masking.Party{Role: masking.Customer, Name: "C", Number: c.phone(100 + i)},
				masking.Party{Role: masking.Driver, Name: "D", Number: c.phone(200 + i)})
		}
		c.tx(func(ctx context.Context, tx *Tx) error {
			for i := range c.parties {
				if err := tx.AddParty(ctx, &c.parties[i]); err != nil {
					return err
				}
			}
			return nil
		})
		for range 7 {
			c.add()
		}
		t.Repeat(map[string]func(*rapid.T){
			"ride": c.ride, "another": c.ride, "and another": c.ride, "one more": c.ride, "release": c.release, "release more": c.release,
			"add": func(t *rapid.T) {
				if len(c.pool) > 12 {
					t.SkipNow()
				}
				c.add()
			},
			"state": c.state, "state again": c.state, "delete": c.remove, "forget": c.forget,
		})
	})
	if fromLists.Load() < 100 {
		t.Errorf("only %d choices were made from lists", fromLists.Load())
	}
}

type choices struct {
	t         *rapid.T
	ctx       context.Context
	store     *Store
	now       time.Time
	parties   []masking.Party // customers and drivers in turn
	pool      []masking.ProxyNumber
	made      int
	live      []masking.Ride
	forgotten time.Time // uses that were over before
	fromLists *atomic.Int64
}

func (c *choices) phone(i int) masking.Number {
	n, err := masking.ParseCarrier(fmt.Sprintf("447700900%03d", i), "GB")
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

func (c *choices) tx(work func(ctx context.Context, tx *Tx) error) {
	c.t.Helper()
	c.now = c.now.Add(time.Second)
	if err := c.store.Tx(c.ctx, work); err != nil {
		c.t.Fatal(err)
	}
}

func (c *choices) add() {
	c.made++
	c.tx(func(ctx context.Context, tx *Tx) error {
		n, err := tx.AddProxyNumber(ctx, c.phone(900+c.made%100))
		if errors.Is(err, masking.ErrConflict) {
			return nil
		}
		c.pool = append(c.pool, n)
		return err
	})
}

func (c *choices) any(t *rapid.T, label string, n int) int {
	if n == 0 {
		t.SkipNow()
	}
	return rapid.IntRange(0, n-1).Draw(t, label)
}

// had is when a party last had a number, as far as is not forgotten, and whether it has it now, by the routes alone.
func (c *choices) had(party masking.Number, n masking.ProxyNumber) (used int64, live bool) {
	err := c.store.read.QueryRow(`SELECT COALESCE(MAX(CASE WHEN o.released_at > 0 THEN o.released_at ELSE r.created_at END), 0),
		COALESCE(MAX(o.released_at = 0), FALSE) FROM routes o JOIN rides r ON r.id = o.ride_id WHERE o.party = ? AND o.number_id = ?`,
		party, n.ID).Scan(&used, &live)
	if err != nil {
		c.t.Fatal(err)
	}
	if used < ms(c.forgotten) && !live {
		used = 0
	}
	return used, live
}

func (c *choices) forget(t *rapid.T) {
	before := c.now.Add(-rapid.SampledFrom([]time.Duration{0, 10 * time.Second, 40 * time.Second}).Draw(t, "age"))
	if rapid.Bool().Draw(t, "everything") {
		for _, ride := range c.live {
			c.tx(func(ctx context.Context, tx *Tx) error { return tx.ReleaseRoutes(ctx, ride.ID) })
		}
		c.live, before = nil, c.now.Add(time.Second)
	}
	if before.Before(c.forgotten) {
		t.SkipNow()
	}
	c.forgotten = before
	for forgotten := 1; forgotten > 0; {
		c.tx(func(ctx context.Context, tx *Tx) (err error) {
			forgotten, err = tx.ForgetUses(ctx, c.forgotten, 3)
			return err
		})
	}
	// Lists are forgotten a piece at a time, and what a choice sees between two is whole.
	for range rapid.IntRange(0, 6).Draw(t, "pieces") {
		phone := c.parties[c.any(t, "of", len(c.parties))].Number
		c.tx(func(ctx context.Context, tx *Tx) error {
			_, err := tx.ForgetList(ctx, phone, 2)
			return err
		})
	}
}

func (c *choices) ride(t *rapid.T) {
	customer, driver := c.parties[2*c.any(t, "customer", 3)], c.parties[2*c.any(t, "driver", 3)+1]
	least, free := int64(0), map[int64]int64{}
	for _, n := range c.pool {
		a, aLive := c.had(customer.Number, n)
		b, bLive := c.had(driver.Number, n)
		if n.State != masking.Available || aLive || bLive {
			continue
		}
		if free[n.ID] = max(a, b); len(free) == 1 || free[n.ID] < least {
			least = free[n.ID]
		}
	}
	ride := masking.Ride{Customer: customer, Driver: driver, At: c.now, Due: c.now}
	c.tx(func(ctx context.Context, tx *Tx) (err error) {
		ride.Proxy, err = tx.ChooseNumber(ctx, customer.Number, driver.Number, "GB")
		if errors.Is(err, masking.ErrPoolEmpty) {
			return nil
		} else if err != nil {
			return err
		}
		return tx.AddRide(ctx, &ride)
	})
	used, mayHave := free[ride.Proxy.ID]
	switch {
	case len(free) == 0 && ride.ID == 0:
		return
	case !mayHave || used != least:
		t.Fatalf("got number %d, last used at %d; want one of %v last used at %d", ride.Proxy.ID, used, free, least)
	}
	c.live = append(c.live, ride)
	var listed bool
	if err := c.store.read.QueryRow("SELECT EXISTS (SELECT 1 FROM pool_walks)").Scan(&listed); err != nil {
		t.Fatal(err)
	}
	if listed {
		c.fromLists.Add(1)
	}
}

func (c *choices) release(t *rapid.T) {
	i := c.any(t, "ride", len(c.live))
	c.tx(func(ctx context.Context, tx *Tx) error { return tx.ReleaseRoutes(ctx, c.live[i].ID) })
	c.live = append(c.live[:i], c.live[i+1:]...)
}

func (c *choices) state(t *rapid.T) {
	i := c.any(t, "number", len(c.pool))
	state := []masking.PoolState{masking.Available, masking.Draining}[c.any(t, "state", 2)]
	c.tx(func(ctx context.Context, tx *Tx) error { return tx.SetPoolState(ctx, c.pool[i].ID, state) })
	c.pool[i].State = state
}

// remove deletes a number, which only one that no ride had lets happen.
func (c *choices) remove(t *rapid.T) {
	i := c.any(t, "number", len(c.pool))
	var rides int
	if err := c.store.read.QueryRow("SELECT COUNT(*) FROM rides WHERE number_id = ?", c.pool[i].ID).Scan(&rides); err != nil {
		t.Fatal(err)
	}
	c.now = c.now.Add(time.Second)
	err := c.store.Tx(c.ctx, func(ctx context.Context, tx *Tx) error { return tx.DeleteProxyNumber(ctx, c.pool[i].ID) })
	if rides > 0 && !errors.Is(err, masking.ErrConflict) || rides == 0 && err != nil {
		t.Fatalf("delete a number of %d rides: %v", rides, err)
	}
	if err == nil {
		c.pool = append(c.pool[:i], c.pool[i+1:]...)
	}
}
