package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store/storetest"
)

// What happens beside a change of somebody's phone, on another instance. Each runs often enough
// to have failed every time before it was made right.

func TestBeside_CloseAndChange(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		customer, driver := p.party(t, masking.Customer, drama(0)), p.party(t, masking.Driver, drama(1))
		for round := range 40 {
			if _, err := p.one.ScheduleRide(ctx, p.request(customer, driver)); err != nil {
				t.Fatalf("round %d: no ride is live, and yet: %v", round, err)
			}
			if err := storetest.SendAll(p.store); err != nil {
				t.Fatal(err)
			}
			p.clock.Move(30 * time.Hour)
			p.atOnce(2, func(i int, x *exchange.Exchange) {
				if i == 0 {
					p.sweep(t, x)
					return
				}
				time.Sleep(time.Duration(round%20) * 300 * time.Microsecond)
				p.change(t, x, driver, drama(100+round))
			})
		}
	})
}

// closesWithout checks that a ride which the sweep looked at is closed only when no text waits, and
// lets what waits arrive and the ride close.
func (p pair) closesWithout(t *testing.T, round int, ride masking.Ride) {
	t.Helper()
	now, err := p.store.Ride(context.Background(), ride.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range p.waiting(t) {
		if m.Kind == masking.Relaying && now.State == masking.Closed {
			t.Fatalf("round %d: a text goes out through a number that is back in the pool", round)
		}
	}
	p.allArrive(t)
	p.clock.Move(2 * time.Minute)
	p.sweep(t, p.one)
}

// A text waits for somebody who changes phones while the sweep looks whether the ride can be closed.
func TestBeside_CloseAndChange_textWaits(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 40)
		const rounds, rides = 6, 30 // the sweep reads them all, then looks at one after the other
		for round := range rounds {
			var last masking.Ride
			for i := range rides {
				customer := p.party(t, masking.Customer, fmt.Sprintf("+4477%03d1%04d", round, i))
				driver := p.party(t, masking.Driver, fmt.Sprintf("+4477%03d2%04d", round, i))
				var err error
				if last, err = p.one.ScheduleRide(ctx, p.request(customer, driver)); err != nil {
					t.Fatal(err)
				}
			}
			if err := storetest.SendAll(p.store); err != nil {
				t.Fatal(err)
			}
			err := p.one.RelayText(ctx, masking.Text{CarrierID: fmt.Sprint(round), From: last.Customer.Number, To: last.Proxy.Number, Body: "I left my keys."}, exchange.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			p.clock.Move(30 * time.Hour)
			p.atOnce(2, func(i int, x *exchange.Exchange) {
				if i == 0 {
					p.sweep(t, x)
					return
				}
				time.Sleep(time.Duration(20+round*16) * time.Millisecond)
				p.change(t, x, last.Driver, fmt.Sprintf("+4477%03d3%04d", round, rides))
			})
			p.closesWithout(t, round, last)
		}
	})
}

func TestBeside_TextAndClose(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		customer, driver := p.party(t, masking.Customer, drama(0)), p.party(t, masking.Driver, drama(1))
		for round := range 40 {
			ride, err := p.one.ScheduleRide(ctx, p.request(customer, driver))
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			p.allArrive(t)
			p.clock.Move(30 * time.Hour)
			p.atOnce(2, func(i int, x *exchange.Exchange) {
				if i == 0 {
					p.sweep(t, x)
					return
				}
				time.Sleep(time.Duration(round%20) * 200 * time.Microsecond)
				text := masking.Text{CarrierID: fmt.Sprint(round), From: customer.Number, To: ride.Proxy.Number, Body: "I left my keys."}
				if err := x.RelayText(ctx, text, exchange.Proof{}); err != nil {
					t.Error(err)
				}
			})
			p.closesWithout(t, round, ride)
		}
	})
}

func TestBeside_ConfirmAndChange(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		customer, driver := p.party(t, masking.Customer, drama(0)), p.party(t, masking.Driver, drama(1))
		ride, err := p.one.ScheduleRide(ctx, p.request(customer, driver))
		if err != nil {
			t.Fatal(err)
		}
		for round := range 40 {
			p.allArrive(t)
			p.clock.Move(20 * time.Second)
			p.atOnce(3, func(i int, x *exchange.Exchange) {
				if i == 1 {
					p.change(t, x, driver, drama(100+round))
					return
				}
				time.Sleep(time.Duration(round%10) * 200 * time.Microsecond)
				if err := x.ConfirmAgain(ctx, ride.ID, masking.Driver); err != nil && !errors.As(err, new(masking.Invalid)) {
					t.Error(err)
				}
			})
			waiting := p.waiting(t)
			if len(waiting) != 1 || waiting[0].To.E164() != drama(100+round) {
				t.Fatalf("round %d: %d confirmations wait; want one, to %s: %+v", round, len(waiting), drama(100+round), waiting)
			}
		}
	})
}

// A lane whose first message is parked would never go on.
func TestBeside_ReportAndChange(t *testing.T) {
	for name, state := range map[string]masking.MessageState{"delivered": masking.Delivered, "failed": masking.Failed} {
		t.Run(name, func(t *testing.T) {
			eachPair(t, func(t *testing.T, p pair) {
				ctx := context.Background()
				p.numbers(t, 1)
				customer, driver := p.party(t, masking.Customer, drama(0)), p.party(t, masking.Driver, drama(1))
				ride, err := p.one.ScheduleRide(ctx, p.request(customer, driver))
				if err != nil {
					t.Fatal(err)
				}
				p.allArrive(t)
				from, changing := customer, driver // the addressee's phone, whose lane ends,
				if state == masking.Failed {
					changing = customer // or the sender's, who is told
				}
				for round := range 60 {
					if now, err := p.store.Party(ctx, from.Role, from.ID); err != nil {
						t.Fatal(err)
					} else {
						from = now
					}
					for i := range 2 {
						text := masking.Text{CarrierID: fmt.Sprint(round, "-", i), From: from.Number, To: ride.Proxy.Number, Body: "Where are you?"}
						if err := p.one.RelayText(ctx, text, exchange.Proof{}); err != nil {
							t.Fatal(err)
						}
					}
					first := p.waiting(t)[0]
					p.atOnce(2, func(i int, x *exchange.Exchange) {
						if i == 1 {
							p.change(t, x, changing, drama(100+round))
							return
						}
						time.Sleep(time.Duration(round%20) * 150 * time.Microsecond)
						if err := x.TakeReport(ctx, masking.Report{Reference: first.Reference, State: state}, exchange.Proof{}); err != nil {
							t.Error(err)
						}
					})
					p.allArrive(t)
				}
			})
		})
	}
}

func TestBeside_RosterAndChange(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.numbers(t, 1)
		customer := p.party(t, masking.Customer, drama(0))
		var drivers []masking.Party
		for i := range 80 {
			drivers = append(drivers, p.party(t, masking.Driver, drama(100+i)))
		}
		last := drivers[len(drivers)-1]
		ride, err := p.one.ScheduleRide(ctx, p.request(customer, last))
		if err != nil {
			t.Fatal(err)
		}
		for round := range 5 {
			var file strings.Builder
			for i, d := range drivers[:len(drivers)-1] {
				fmt.Fprintf(&file, "Driver %d of list %d,%s\n", i, round, d.Number.E164())
			}
			was, err := p.store.Party(ctx, masking.Driver, last.ID)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&file, "Last of list %d,%s\n", round, was.Number.E164())
			id, err := p.one.PlanRoster(ctx, masking.Driver, strings.NewReader(file.String()))
			if err != nil {
				t.Fatal(err)
			}
			if err := p.one.StartRoster(ctx, masking.Driver, id); err != nil {
				t.Fatal(err)
			}
			p.atOnce(2, func(i int, x *exchange.Exchange) {
				if i == 0 {
					if err := x.WriteRosters(ctx); err != nil {
						t.Error(err)
					}
					return
				}
				time.Sleep(time.Duration(5+5*round) * time.Millisecond)
				p.change(t, x, last, drama(900+round))
			})
			now, err := p.store.Party(ctx, masking.Driver, last.ID)
			if err != nil {
				t.Fatal(err)
			}
			route, err := p.store.Route(ctx, ride.Proxy.Number, customer.Number)
			if err != nil || now.Number.E164() != drama(900+round) || route.Peer != now.Number {
				t.Fatalf("the number was changed to %s, the list says %s, the ride reaches %s, %v",
					drama(900+round), now.Number.E164(), route.Peer.E164(), err)
			}
		}
	})
}

// change gives somebody another phone, as soon as nothing is being sent to the old one.
func (p pair) change(t *testing.T, x *exchange.Exchange, who masking.Party, phone string) {
	if _, err := x.ChangeParty(context.Background(), who.Role, who.ID, "Somebody", phone); err != nil {
		t.Errorf("change: %v", err)
	}
}

func (p pair) sweep(t *testing.T, x *exchange.Exchange) {
	if _, err := x.Sweep(context.Background()); err != nil {
		t.Errorf("sweep: %v", err)
	}
}

func (p pair) waiting(t *testing.T) []masking.Message {
	t.Helper()
	all, err := p.store.WaitingMessages(context.Background(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// allArrive sends what waits, in the order of each lane, and fails when something waits for nothing.
func (p pair) allArrive(t *testing.T) {
	t.Helper()
	ctx := context.Background()
	for {
		due, arrived := p.clock.Now().Add(time.Minute), 0
		for _, m := range p.waiting(t) {
			if m.Due.After(due) {
				continue
			}
			if err := p.one.TakeReport(ctx, masking.Report{Reference: m.Reference, State: masking.Delivered}, exchange.Proof{}); err != nil {
				t.Fatal(err)
			}
			arrived++
		}
		if arrived == 0 {
			break
		}
	}
	for _, m := range p.waiting(t) {
		t.Fatalf("message %d, %s to %s, waits for ever", m.ID, m.Kind, m.To.E164())
	}
}
