package store_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// place is a few people and numbers in a store.
type place struct {
	*store.Store
	t                *testing.T
	clock            *storetest.Clock
	ada, eve         masking.Party
	bob, cy          masking.Party
	gb1, gb2, us, nl masking.ProxyNumber
}

func eachPlace(t *testing.T, test func(t *testing.T, p *place)) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) { test(t, newPlace(t, s, clock)) })
}

func newPlace(t *testing.T, s *store.Store, clock *storetest.Clock) *place {
	t.Helper()
	p := &place{Store: s, t: t, clock: clock,
		ada: masking.Party{Role: masking.Customer, Name: "Ada", Number: number(t, "447700900101")},
		eve: masking.Party{Role: masking.Customer, Name: "Eve", Number: number(t, "447700900102")},
		bob: masking.Party{Role: masking.Driver, Name: "Bob", Number: number(t, "447700900201")},
		cy:  masking.Party{Role: masking.Driver, Name: "Cy", Number: number(t, "447700900202")},
	}
	p.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		for _, party := range []*masking.Party{&p.ada, &p.eve, &p.bob, &p.cy} {
			if err := tx.AddParty(ctx, party); err != nil {
				return err
			}
		}
		return nil
	})
	p.gb1, p.gb2 = p.add("447700900901"), p.add("447700900902")
	return p
}

func (p *place) tx(work func(ctx context.Context, tx *store.Tx) error) {
	p.t.Helper()
	if err := p.Tx(context.Background(), work); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) add(digits string) (n masking.ProxyNumber) {
	p.t.Helper()
	p.tx(func(ctx context.Context, tx *store.Tx) (err error) {
		n, err = tx.AddProxyNumber(ctx, number(p.t, digits))
		return err
	})
	return n
}

// ride gives two parties a ride through a number, chosen or not.
func (p *place) ride(customer, driver masking.Party, n masking.ProxyNumber) (masking.Ride, error) {
	ride := masking.Ride{Customer: customer, Driver: driver, Proxy: n, At: p.clock.Now(), Due: p.clock.Now()}
	err := p.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error { return tx.AddRide(ctx, &ride) })
	return ride, err
}

func (p *place) release(ride masking.Ride) {
	p.t.Helper()
	p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.ReleaseRoutes(ctx, ride.ID) })
}

func (p *place) choose(a, b masking.Party, country string) (n masking.ProxyNumber, err error) {
	err = p.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		n, err = tx.ChooseNumber(ctx, a.Number, b.Number, country)
		return err
	})
	return n, err
}

// The database itself refuses that whoever dials a number could mean two people.
func TestRoutes_OneLivePerPhoneAndNumber(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		first, err := p.ride(p.ada, p.bob, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]masking.Party{
			"same driver": {p.eve, p.bob}, "same customer": {p.ada, p.cy}, "same both": {p.ada, p.bob},
		} {
			if _, err := p.ride(pair[0], pair[1], p.gb1); !errors.Is(err, masking.ErrConflict) {
				t.Errorf("%s on one number: got %v, want ErrConflict", name, err)
			}
		}
		if _, err := p.ride(p.eve, p.cy, p.gb1); err != nil {
			t.Errorf("other people on the same number: %v", err)
		}
		if _, err := p.ride(p.ada, p.bob, p.gb2); err != nil {
			t.Errorf("the same people on another number: %v", err)
		}
		p.release(first)
		if _, err := p.ride(p.ada, p.bob, p.gb1); err != nil {
			t.Errorf("the same people on the number once it was released: %v", err)
		}
		if n, err := p.ProxyNumber(context.Background(), p.gb1.ID); err != nil || n.LiveRoutes != 4 {
			t.Errorf("the number counts %d live routes, %v; want 4, whatever was refused", n.LiveRoutes, err)
		}
	})
}

// change gives somebody another phone, to which these rides of theirs move.
func (p *place) change(party masking.Party, digits string, rides ...masking.Ride) masking.Party {
	p.t.Helper()
	was := party.Number
	party.Number = number(p.t, digits)
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		for _, ride := range rides {
			if err := tx.MoveRoutes(ctx, ride, was, party.Number); err != nil {
				return err
			}
		}
		return tx.SetParty(ctx, party, was)
	})
	return party
}

// wantRoles checks of both parties of a ride what their routes say who they are.
func (p *place) wantRoles(ride masking.Ride, find func(ctx context.Context, number, party masking.Number) (masking.Route, error)) {
	p.t.Helper()
	for _, role := range []masking.Role{masking.Customer, masking.Driver} {
		route, err := find(context.Background(), ride.Proxy.Number, ride.Party(role).Number)
		if err != nil || route.Role != role || route.RideID != ride.ID {
			p.t.Errorf("the %s of ride %d is the %s of ride %d, %v", role, ride.ID, route.Role, route.RideID, err)
		}
	}
}

// A party's route is found by who they are, whatever phone they have by now.
func TestRouteOf(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		ride, err := p.ride(p.ada, p.bob, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		ride.Driver = p.change(p.bob, "447700900299", ride)
		ride.Customer = p.change(p.ada, "447700900201", ride)
		for _, role := range []masking.Role{masking.Customer, masking.Driver} {
			want := masking.Route{RideID: ride.ID, Role: role, Party: ride.Party(role).Number, Number: p.gb1.Number,
				Peer: ride.Other(role).Number, PeerNumber: p.gb1.Number}
			if got, err := p.RouteOf(ctx, ride.ID, role); err != nil || got != want {
				t.Errorf("the route of the %s is %+v, %v; want %+v", role, got, err, want)
			}
			if got, err := p.Route(ctx, p.gb1.Number, want.Party); err != nil || got != want {
				t.Errorf("dialled by the %s it is %+v, %v; want %+v", role, got, err, want)
			}
		}
		p.release(ride)
		if _, err := p.RouteOf(ctx, ride.ID, masking.Driver); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("once it is released: %v", err)
		}
	})
}

// Who was who in rides from before routes told is known, also where the customer now has the
// phone that the driver had.
func TestRoutes_RolesMigrated(t *testing.T) {
	for _, engine := range engines(t) {
		t.Run(engine.folder, func(t *testing.T) {
			clock := storetest.NewClock()
			s, err := store.Open(context.Background(), engine.url, clock.Now)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlace(t, s, clock)
			ride := func(customer, driver masking.Party, n masking.ProxyNumber) masking.Ride {
				ride, err := p.ride(customer, driver, n)
				if err != nil {
					t.Fatal(err)
				}
				return ride
			}
			live, over := ride(p.ada, p.bob, p.gb1), ride(p.eve, p.cy, p.gb1)
			texts := p.text(live, masking.Relayed, masking.Relaying)
			p.release(over)
			live.Driver = p.change(p.bob, "447700900299", live)
			live.Customer = p.change(p.ada, "447700900201", live)
			cy := p.change(p.cy, "447700900298")
			eve := p.change(p.eve, "447700900202")
			// As generate made them: the drivers' routes first.
			generated, generatedOver := ride(live.Customer, live.Driver, p.gb2), ride(eve, cy, p.gb2)
			p.release(generatedOver)
			_ = s.Close()

			engine.downTo(t, 7, func(db *sql.DB) {
				for _, ride := range []masking.Ride{generated, generatedOver} {
					_, err := db.Exec("UPDATE routes SET id = id + 1000 WHERE ride_id = $1 AND party = $2", ride.ID, ride.Customer.Number)
					if err != nil {
						t.Fatal(err)
					}
				}
				if _, err := db.Exec("SELECT role FROM routes"); err == nil {
					t.Fatal("the schema is the new one, so this shows nothing")
				}
			})
			p.Store = storetest.Open(t, engine.url, clock.Now)
			p.wantRoles(live, p.Route)
			p.wantRoles(generated, p.Route)
			p.wantRoles(over, p.ReleasedRoute)
			p.wantRoles(generatedOver, p.ReleasedRoute)
			for _, id := range texts {
				if m, err := p.Message(context.Background(), id); err != nil || m.Role != "" || m.RideID != live.ID {
					t.Errorf("text %d is of the %q of ride %d, %v; want of nobody known", id, m.Role, m.RideID, err)
				}
			}
			next := ride(p.ada, cy, p.gb1)
			p.wantRoles(next, p.Route)
			for i, id := range p.text(next, masking.Relayed, masking.Relaying) {
				want := []masking.Role{masking.Customer, masking.Driver}[i]
				if m, err := p.Message(context.Background(), id); err != nil || m.Role != want {
					t.Errorf("a new text is of the %q, %v; want the %s", m.Role, err, want)
				}
			}
		})
	}
}

// Whoever asks together with others gets what they would get alone.
func TestConnections(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		phones := []masking.Number{{}, number(t, "447700900666"), p.gb1.Number}
		for _, party := range []masking.Party{p.ada, p.eve, p.bob, p.cy} {
			phones = append(phones, party.Number)
		}
		numbers := []masking.Number{p.gb1.Number, p.gb2.Number, number(t, "447700900999"), p.ada.Number}
		over, err := p.ride(p.ada, p.bob, p.gb2)
		if err != nil {
			t.Fatal(err)
		}
		p.release(over)
		for _, pair := range [][2]masking.Party{{p.ada, p.bob}, {p.eve, p.cy}} {
			if _, err := p.ride(pair[0], pair[1], p.gb1); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := p.ride(p.eve, p.bob, p.gb2); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		for _, n := range []int{0, 1, 2, 3, 100, 300} {
			calls := make([]masking.Call, n)
			for i := range calls {
				calls[i] = masking.Call{From: phones[rand.N(len(phones))], To: numbers[rand.N(len(numbers))]}
			}
			reach, err := p.Connections(ctx, calls)
			if err != nil || len(reach) != n {
				t.Fatalf("%d connections of %d calls, %v", len(reach), n, err)
			}
			for i, c := range calls {
				route, err := p.Route(ctx, c.To, c.From)
				if err != nil && !errors.Is(err, masking.ErrNotFound) {
					t.Fatal(err)
				}
				if want := (store.Connection{RideID: route.RideID, To: route.Peer}); reach[i] != want {
					t.Errorf("call %d of %d: got %+v, want %+v", i, n, reach[i], want)
				}
			}
		}
	})
}

func TestRoutes_NobodyCallsThemselves(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		if _, err := p.ride(p.ada, masking.Party{ID: p.bob.ID, Number: p.ada.Number}, p.gb1); err == nil {
			t.Error("a ride of a phone with itself was stored")
		}
	})
}

// Many calls leave the processor to others in between, but keep nobody waiting who writes.
func TestRecordCalls_Rests(t *testing.T) {
	const calls, rests = 1000, 9 // ten pieces; after the last there is nothing to rest from
	for name, c := range map[string]struct {
		company bool // somebody else's work comes during the first rest
		want    int
	}{
		"alone":         {false, rests},
		"somebody else": {true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
			rested := 0
			var others sync.WaitGroup
			defer store.AtRests(func() {
				if rested++; !c.company || rested > 1 {
					return
				}
				others.Go(func() {
					if err := s.Ping(context.Background()); err != nil {
						t.Error(err)
					}
				})
				for s.Writes() == 0 {
					runtime.Gosched()
				}
			})()
			err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
				return tx.RecordCalls(ctx, slices.Repeat([]masking.CallRecord{{Number: number(t, "447700900901"), Outcome: masking.CallUnknown}}, calls))
			})
			others.Wait()
			if err != nil || rested != c.want {
				t.Errorf("rested %d times, %v; want %d", rested, err, c.want)
			}
			if recorded, err := s.Pairs(context.Background(), "SELECT COUNT(*), outcome FROM calls GROUP BY outcome"); err != nil ||
				len(recorded) != 1 || recorded[0][0] != strconv.Itoa(calls) {
				t.Errorf("recorded %v, %v; want %d", recorded, err, calls)
			}
		})
	}
}
