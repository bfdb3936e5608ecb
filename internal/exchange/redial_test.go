package exchange_test

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// People dial the number of a ride that is long over: a glove was left behind. Six
// drivers work for sixteen hours; their rides begin as a Poisson process, with a
// redial by each party after an exponential delay of two hours on average. -v shows the table.
func TestLateRedials(t *testing.T) {
	report := fmt.Sprintf("\n%-34s %8s %10s %8s %16s", "choice of the number", "redials", "own ride", "nobody", "later passenger")
	for _, plan := range []struct {
		name   string
		linger time.Duration
		choose func(*day, masking.Party, masking.Party) masking.Ride
		safe   bool
	}{
		{"first free, released at the end", 0, (*day).firstFree, false},
		{"first free, lingering 4 h", linger, (*day).firstFree, false},
		{"ours, released at the end", 0, (*day).ours, true},
		{"ours, lingering 4 h", linger, (*day).ours, true},
	} {
		d := newDay(t, plan.linger)
		d.choose = plan.choose
		d.run(16 * time.Hour)
		report += fmt.Sprintf("\n%-34s %8d %9.1f%% %7.1f%% %15.1f%%", plan.name, d.redials, d.share(d.own), d.share(d.nobody), d.share(d.crossed))
		switch {
		case d.redials < 500:
			t.Errorf("%s: only %d redials", plan.name, d.redials)
		case plan.safe && d.crossed > 0:
			t.Errorf("%s: %d of %d redials reached a later passenger, want 0", plan.name, d.crossed, d.redials)
		case !plan.safe && d.crossed == 0:
			t.Errorf("%s: no redial reached a later passenger, so this simulation shows nothing", plan.name)
		}
	}
	t.Log(report)
}

// day is a day of a small platform, in the order of what happens.
type day struct {
	*town
	t         *testing.T
	random    *rand.Rand
	pool      []masking.ProxyNumber
	customers []masking.Party
	agenda    agenda
	choose    func(*day, masking.Party, masking.Party) masking.Ride

	redials, own, nobody, crossed int
}

func newDay(t *testing.T, linger time.Duration) *day {
	clock := storetest.NewClock()
	s := storetest.Open(t, filepath.Join(inMemory(t), "birdcar.db"), clock.Now)
	d := &day{town: newTownLingering(t, s, clock, linger), t: t, random: rand.New(rand.NewPCG(1, 2))}
	for i := range 60 {
		d.pool = append(d.pool, d.number(t, fmt.Sprintf("+44207946%04d", i)))
		d.customers = append(d.customers, d.customer(t, fmt.Sprint("C", i), fmt.Sprintf("+447700900%03d", i)))
	}
	return d
}

func (d *day) share(n int) float64 { return 100 * float64(n) / float64(d.redials) }

// wait is an exponential delay.
func (d *day) wait(mean time.Duration) time.Duration {
	return time.Duration(d.random.ExpFloat64() * float64(mean))
}

func (d *day) in(delay time.Duration, do func()) {
	heap.Push(&d.agenda, appointment{d.clock.Now().Add(delay), do})
}

// run lets drivers take rides for a while, then waits for the last redial.
func (d *day) run(length time.Duration) {
	end := d.clock.Now().Add(length)
	for i := range 6 {
		driver := d.driver(d.t, fmt.Sprint("D", i), fmt.Sprintf("+447700900%03d", 900+i))
		var next func()
		next = func() {
			if d.clock.Now().After(end) {
				return
			}
			d.take(driver)
			d.in(d.wait(20*time.Minute), next)
		}
		d.in(d.wait(20*time.Minute), next)
	}
	for d.agenda.Len() > 0 {
		a := heap.Pop(&d.agenda).(appointment)
		d.clock.Move(a.at.Sub(d.clock.Now()))
		d.sweep(d.t)
		a.do()
	}
}

func (d *day) take(driver masking.Party) {
	ride := d.choose(d, d.customers[d.random.IntN(len(d.customers))], driver)
	d.in(d.wait(20*time.Minute), func() {
		d.end(d.t, ride)
		d.sweep(d.t)
		for _, p := range []masking.Party{ride.Customer, ride.Driver} {
			d.in(d.wait(2*time.Hour), func() { d.redial(ride, p) })
		}
	})
}

func (d *day) redial(ride masking.Ride, by masking.Party) {
	d.redials++
	switch flow := d.call(d.t, by.Number, ride.Proxy.Number); flow.Transfer {
	case masking.Number{}:
		d.nobody++
	case ride.Other(by.Role).Number:
		d.own++
	default:
		d.crossed++
	}
}

func (d *day) ours(customer, driver masking.Party) masking.Ride {
	return d.ride(d.t, customer, driver)
}

// firstFree is what comes to mind first: the first number that neither has now.
func (d *day) firstFree(customer, driver masking.Party) masking.Ride {
	ride := masking.Ride{Customer: customer, Driver: driver, At: d.clock.Now(), Due: d.clock.Now().Add(rideLimit)}
	err := d.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		for _, ride.Proxy = range d.pool {
			_, customerErr := tx.Route(ctx, ride.Proxy.Number, customer.Number)
			_, driverErr := tx.Route(ctx, ride.Proxy.Number, driver.Number)
			if errors.Is(customerErr, masking.ErrNotFound) && errors.Is(driverErr, masking.ErrNotFound) {
				return tx.AddRide(ctx, &ride)
			}
		}
		return masking.ErrPoolEmpty
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return ride
}

// agenda is what is to happen, next first.
type agenda []appointment

type appointment struct {
	at time.Time
	do func()
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(appointment)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}
