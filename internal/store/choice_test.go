package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

func TestChooseNumber(t *testing.T) {
	type step = func(p *place)
	live := func(customer, driver func(*place) masking.Party, n func(*place) masking.ProxyNumber) step {
		return func(p *place) {
			p.clock.Move(time.Minute)
			if _, err := p.ride(customer(p), driver(p), n(p)); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	past := func(customer, driver func(*place) masking.Party, n func(*place) masking.ProxyNumber) step {
		return func(p *place) {
			p.clock.Move(time.Minute)
			ride, err := p.ride(customer(p), driver(p), n(p))
			if err != nil {
				p.t.Fatal(err)
			}
			p.clock.Move(time.Minute)
			p.release(ride)
		}
	}
	state := func(n func(*place) masking.ProxyNumber, state masking.PoolState) step {
		return func(p *place) {
			p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.SetPoolState(ctx, n(p).ID, state) })
		}
	}
	ada, eve := func(p *place) masking.Party { return p.ada }, func(p *place) masking.Party { return p.eve }
	bob, cy := func(p *place) masking.Party { return p.bob }, func(p *place) masking.Party { return p.cy }
	one, two := func(p *place) masking.ProxyNumber { return p.gb1 }, func(p *place) masking.ProxyNumber { return p.gb2 }
	us, nl := func(p *place) masking.ProxyNumber { return p.us }, func(p *place) masking.ProxyNumber { return p.nl }
	abroad := func(p *place) { p.us, p.nl = p.add("12125550192"), p.add("31612345678") }

	// Always for Ada and Bob.
	tests := map[string]struct {
		steps []step
		want  func(*place) masking.ProxyNumber // nil: none is left
	}{
		"the first":                             {nil, one},
		"never used by either":                  {[]step{past(ada, cy, one)}, two},
		"never used by the driver":              {[]step{past(eve, bob, one)}, two},
		"fewest live routes":                    {[]step{live(eve, cy, one)}, two},
		"longest rested":                        {[]step{past(eve, cy, two), past(eve, cy, one)}, two},
		"least recent of both":                  {[]step{past(ada, bob, two), past(ada, bob, one)}, two},
		"the later use counts":                  {[]step{past(ada, cy, one), past(ada, cy, two), past(eve, bob, one)}, two},
		"again once it was used":                {[]step{past(ada, bob, one), past(ada, bob, two)}, one},
		"the live one is out":                   {[]step{past(ada, bob, one), live(eve, bob, one), past(ada, bob, two)}, two},
		"none is left":                          {[]step{live(ada, cy, one), live(eve, bob, two)}, nil},
		"draining is out":                       {[]step{state(one, masking.Draining)}, two},
		"draining is out of those used, too":    {[]step{past(ada, bob, one), past(ada, bob, two), state(one, masking.Draining)}, two},
		"retired is out":                        {[]step{state(one, masking.Retired), state(two, masking.Retired)}, nil},
		"available again":                       {[]step{past(ada, bob, one), past(ada, bob, two), state(one, masking.Draining), state(one, masking.Available)}, one},
		"at home first, however recent":         {[]step{abroad, past(ada, bob, one), past(ada, bob, two)}, one},
		"abroad when home has none":             {[]step{abroad, live(ada, cy, one), live(ada, cy, two), past(ada, bob, us)}, nl},
		"the best of all other countries":       {[]step{abroad, live(ada, cy, one), live(ada, cy, two), past(ada, bob, nl), past(ada, bob, us)}, nl},
		"a new number is seen after all others": {[]step{past(ada, bob, one), past(ada, bob, two), past(ada, bob, one), func(p *place) { p.us = p.add("447700900903") }}, us},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			eachPlace(t, func(t *testing.T, p *place) {
				for _, step := range test.steps {
					step(p)
				}
				got, err := p.choose(p.ada, p.bob, "GB")
				if test.want == nil {
					if !errors.Is(err, masking.ErrPoolEmpty) {
						t.Errorf("got %s, %v; want ErrPoolEmpty", got.Number.E164(), err)
					}
					return
				}
				if want := test.want(p); err != nil || got.ID != want.ID {
					t.Errorf("got %s, %v; want %s", got.Number.E164(), err, want.Number.E164())
				}
			})
		})
	}
}

// Who had every number is not led through the pool again, and lists longer than a
// page are read to the right place.
func TestChooseNumber_ManyNumbers(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		pool := []masking.ProxyNumber{p.gb1, p.gb2}
		for _, digits := range []string{"03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22"} {
			pool = append(pool, p.add("4477009009"+digits))
		}
		for round := range 3 {
			for i := range pool {
				p.clock.Move(time.Minute)
				got, err := p.choose(p.ada, p.bob, "GB")
				if err != nil || got.ID != pool[i].ID {
					t.Fatalf("round %d: got %s, %v; want %s", round, got.Number.E164(), err, pool[i].Number.E164())
				}
				ride, err := p.ride(p.ada, p.bob, got)
				if err != nil {
					t.Fatal(err)
				}
				p.clock.Move(time.Minute)
				p.release(ride)
			}
		}
		// Eve had the first twenty after Bob did: for the two of them the 21st is least recent.
		for _, n := range pool[:20] {
			p.clock.Move(time.Minute)
			ride, err := p.ride(p.eve, p.cy, n)
			if err != nil {
				t.Fatal(err)
			}
			p.release(ride)
		}
		if got, err := p.choose(p.eve, p.bob, "GB"); err != nil || got.ID != pool[20].ID {
			t.Errorf("got %s, %v; want %s", got.Number.E164(), err, pool[20].Number.E164())
		}
	})
}
