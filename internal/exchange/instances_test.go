package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// pair is two instances at work on one database. What they do side by side is
// what the tests here are about.
type pair struct {
	one, other *exchange.Exchange
	store      *store.Store
	clock      *storetest.Clock
}

func eachPair(t *testing.T, test func(t *testing.T, p pair)) {
	storetest.Instances(t, func(t *testing.T, one, other *store.Store, clock *storetest.Clock) {
		p := pair{store: one, clock: clock}
		for s, x := range map[**exchange.Exchange]*store.Store{&p.one: one, &p.other: other} {
			var err error
			*s, err = exchange.New(exchange.Config{Store: x, Outbox: asleep{}, Zone: time.UTC, Country: "GB",
				RideLimit: 24 * time.Hour, Linger: time.Hour, Lease: time.Minute, Now: clock.Now, Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
		}
		test(t, p)
	})
}

// atOnce runs work many times side by side, on both instances in turn.
func (p pair) atOnce(times int, work func(i int, x *exchange.Exchange)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range times {
		x := p.one
		if i%2 == 1 {
			x = p.other
		}
		wg.Go(func() {
			<-begin
			work(i, x)
		})
	}
	close(begin)
	wg.Wait()
}

func (p pair) party(t *testing.T, role masking.Role, phone string) masking.Party {
	t.Helper()
	party, err := p.one.AddParty(context.Background(), role, "Somebody", phone)
	if err != nil {
		t.Fatal(err)
	}
	return party
}

func (p pair) numbers(t *testing.T, count int) {
	t.Helper()
	for i := range count {
		if _, err := p.one.AddNumber(context.Background(), proxyNumber(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func proxyNumber(i int) string { return fmt.Sprintf("+4420794600%02d", i) }
func drama(i int) string       { return fmt.Sprintf("+447700900%03d", i) }

func (p pair) request(customer, driver masking.Party) masking.RideRequest {
	return masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, At: p.clock.Now().Add(time.Hour)}
}

func TestInstances_RidesOfOneDriver(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		const clients, numbers = 48, 30
		p.numbers(t, numbers)
		driver := p.party(t, masking.Driver, drama(0))
		customers := make([]masking.Party, clients)
		for i := range customers {
			customers[i] = p.party(t, masking.Customer, drama(100+i))
		}
		var mu sync.Mutex
		given, refused := map[int64]int{}, 0
		p.atOnce(clients, func(i int, x *exchange.Exchange) {
			ride, err := x.ScheduleRide(context.Background(), p.request(customers[i], driver))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case errors.Is(err, masking.ErrPoolEmpty):
				refused++
			case err != nil:
				t.Errorf("ride %d: %v", i, err)
			default:
				given[ride.Proxy.ID]++
			}
		})
		if len(given) != numbers || refused != clients-numbers {
			t.Errorf("%d numbers were given and %d rides refused; want %d and %d", len(given), refused, numbers, clients-numbers)
		}
		for number, rides := range given {
			if rides != 1 {
				t.Errorf("number %d: %d rides of one driver", number, rides)
			}
		}
	})
}

func TestInstances_OnePhoneTwoUses(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		moving := p.party(t, masking.Driver, drama(99))
		for round := range 20 {
			p.atOnce(7, func(i int, x *exchange.Exchange) {
				var err error
				switch i {
				case 0, 1:
					_, err = x.AddNumber(ctx, drama(round))
				case 2, 3:
					_, err = x.AddParty(ctx, masking.Customer, "Somebody", drama(round))
				case 4:
					_, err = x.Import(ctx, store.Tutorial{Numbers: []store.TutorialNumber{{ID: 1, Number: drama(round)}}})
				case 5:
					_, err = x.Import(ctx, store.Tutorial{Customers: []store.TutorialParty{{ID: 1, Name: "Somebody", Number: drama(round)}}})
				case 6:
					_, err = x.ChangeParty(ctx, masking.Driver, moving.ID, "Moving", drama(round))
				}
				var refused masking.Invalid
				if err != nil && !errors.As(err, &refused) {
					t.Errorf("round %d: %v; want a refusal in words", round, err)
				}
			})
			n, err := masking.ParseNumber(drama(round), "GB")
			if err != nil {
				t.Fatal(err)
			}
			in, inErr := p.store.InPool(ctx, n)
			is, isErr := p.store.IsParty(ctx, n)
			if in == is || inErr != nil || isErr != nil {
				t.Errorf("round %d: in the pool %t, a party %t, %v, %v; want one of the two", round, in, is, inErr, isErr)
			}
		}
	})
}

func TestInstances_RideWhileItsNumberIsRetired(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		const rounds = 20
		p.numbers(t, rounds)
		driver := p.party(t, masking.Driver, drama(0))
		customer := p.party(t, masking.Customer, drama(1))
		pool, err := p.store.ProxyNumbers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range pool { // every round the choice falls on the first that is left
			p.atOnce(2, func(i int, x *exchange.Exchange) {
				var err error
				var refused masking.Invalid
				if i == 0 {
					if err = x.SetPoolState(ctx, n.ID, masking.Retired); errors.As(err, &refused) {
						err = nil
					}
				} else if _, err = x.ScheduleRide(ctx, p.request(customer, driver)); errors.Is(err, masking.ErrPoolEmpty) {
					err = nil
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		after, err := p.store.ProxyNumbers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range after {
			if n.State == masking.Retired && n.LiveRoutes > 0 {
				t.Errorf("number %d is retired with %d live routes", n.ID, n.LiveRoutes)
			}
		}
	})
}

func TestInstances_RideWhileTheDriverChangesPhones(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 40)
		driver := p.party(t, masking.Driver, drama(0))
		customer := p.party(t, masking.Customer, drama(500))
		for round := range 10 {
			p.atOnce(4, func(i int, x *exchange.Exchange) {
				var err error
				if i == 0 {
					_, err = x.ChangeParty(ctx, masking.Driver, driver.ID, "Somebody", drama(round+1))
				} else {
					_, err = x.ScheduleRide(ctx, p.request(customer, driver))
				}
				if err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		now, err := p.store.Party(ctx, masking.Driver, driver.ID)
		if err != nil {
			t.Fatal(err)
		}
		rides, err := p.store.CurrentRides(ctx, 100)
		if err != nil || len(rides) != 30 {
			t.Fatalf("%d rides, %v; want 30", len(rides), err)
		}
		for _, ride := range rides {
			there, err := p.store.Route(ctx, ride.Proxy.Number, now.Number)
			if err != nil || there.Peer != customer.Number {
				t.Errorf("ride %d: the driver's phone reaches %v, %v", ride.ID, there.Peer, err)
			}
			back, err := p.store.Route(ctx, ride.Proxy.Number, customer.Number)
			if err != nil || back.Peer != now.Number {
				t.Errorf("ride %d: the customer reaches %v, %v; want the driver's phone of now", ride.ID, back.Peer, err)
			}
		}
	})
}

// A text that is accepted while its addressee changes phones goes to the new one,
// or was on its way before; here nothing is on its way.
func TestInstances_TextWhileTheDriverChangesPhones(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		driver, customer := p.party(t, masking.Driver, drama(0)), p.party(t, masking.Customer, drama(500))
		ride, err := p.one.ScheduleRide(ctx, p.request(customer, driver))
		if err != nil {
			t.Fatal(err)
		}
		for round := range 25 {
			p.atOnce(6, func(i int, x *exchange.Exchange) {
				var err error
				if i == 0 {
					_, err = x.ChangeParty(ctx, masking.Driver, driver.ID, "Somebody", drama(round+1))
				} else {
					err = x.RelayText(ctx, masking.Text{CarrierID: fmt.Sprint(round, i), From: customer.Number, To: ride.Proxy.Number, Body: "hi"}, exchange.Proof{})
				}
				if err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
			now, err := p.store.Party(ctx, masking.Driver, driver.ID)
			if err != nil {
				t.Fatal(err)
			}
			conversation, err := p.store.Conversation(ctx, ride.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range conversation {
				if m.State == masking.Queued && m.To != now.Number && m.To != customer.Number {
					t.Errorf("round %d: message %d waits to be sent to a phone that the driver gave up", round, m.ID)
				}
			}
		}
	})
}

func TestInstances_Sweep(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		const rides = 150 // more than a transaction moves
		p.numbers(t, 3)
		for i := range rides {
			request := p.request(p.party(t, masking.Customer, drama(2*i)), p.party(t, masking.Driver, drama(2*i+1)))
			if _, err := p.one.ScheduleRide(ctx, request); err != nil {
				t.Fatal(err)
			}
		}
		if err := storetest.SendAll(p.store); err != nil {
			t.Fatal(err)
		}
		p.clock.Move(30 * time.Hour)
		var mu sync.Mutex
		total := 0
		p.atOnce(6, func(_ int, x *exchange.Exchange) {
			steps, err := x.Sweep(ctx)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += steps
		})
		left, err := p.store.CurrentRides(ctx, 1)
		if err != nil || len(left) != 0 || total != 2*rides {
			t.Errorf("%d steps were taken and a ride is left: %v, %v; want %d and none", total, left, err, 2*rides)
		}
		pool, err := p.store.ProxyNumbers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range pool {
			if n.LiveRoutes != 0 {
				t.Errorf("number %d counts %d live routes", n.ID, n.LiveRoutes)
			}
		}
	})
}

func TestInstances_OneTextManyTimes(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		customer, driver := p.party(t, masking.Customer, drama(0)), p.party(t, masking.Driver, drama(1))
		ride, err := p.one.ScheduleRide(ctx, p.request(customer, driver))
		if err != nil {
			t.Fatal(err)
		}
		text := masking.Text{CarrierID: "once", From: customer.Number, To: ride.Proxy.Number, Body: "hi"}
		proof := exchange.Proof{ID: "signature", Expires: p.clock.Now().Add(time.Minute)}
		var mu sync.Mutex
		accepted, replayed := 0, 0
		p.atOnce(50, func(i int, x *exchange.Exchange) {
			err := x.RelayText(ctx, text, exchange.Proof{})
			if err != nil {
				t.Errorf("repeat %d: %v", i, err)
			}
			err = x.RelayText(ctx, text, proof)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				accepted++
			case errors.Is(err, exchange.ErrReplayed):
				replayed++
			default:
				t.Errorf("signed repeat %d: %v", i, err)
			}
		})
		if accepted != 1 || replayed != 49 {
			t.Errorf("one signature let in %d requests and was refused %d times; want 1 and 49", accepted, replayed)
		}
		conversation, err := p.store.Conversation(ctx, ride.ID)
		if err != nil || len(conversation) != 4 { // two confirmations, the text, and what forwards it
			t.Errorf("%d messages, %v; want 4", len(conversation), err)
		}
	})
}

// asleep leaves texts in the database.
type asleep struct{}

func (asleep) Ready() bool             { return false }
func (asleep) Hand(...masking.Message) {}
