package exchange_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// BenchmarkScheduleRide prints what a ride costs on a small platform, and how
// many times that on a large one: to anybody, and to drivers with ten thousand
// past rides, at the moments that make the choice of a number hard. It is one run
// whatever -benchtime says, on SQLite:
//
//	go test -run '^$' -bench ScheduleRide -benchtime 1x ./internal/exchange
func BenchmarkScheduleRide(b *testing.B) {
	const veterans = 20 // of each kind
	for b.Loop() {
		small := newMetropolis(b, 100, 200)
		small.rides(1000)
		large := newMetropolis(b, 10_000, 20_000)
		half := large.veterans(veterans, func(i int) int { return i / 2 })            // the first half of the numbers, twice
		most := large.veterans(veterans, func(i int) int { return i * 95 / 100 })     // all but the last twentieth
		last := large.veterans(veterans, func(i int) int { return min(i, 10_000-2) }) // all but one
		large.rides(1_000_000)

		once := large.schedule(veterans, large.of(last)) // the last number, and a list of uses from nothing
		rows := []row{
			{name: "100 numbers, 1,000 rides", of: small, who: small.anybody},
			{name: "10,000 numbers, 1,000,000 rides", of: large, who: large.anybody},
			{name: "  and a driver with 10,000, on half of the numbers", of: large, who: large.of(half)},
			{name: "  and a driver with 10,000, on most of the numbers", of: large, who: large.of(most)},
			{name: "  and a driver with 10,000, on all numbers", of: large, who: large.of(last)},
		}
		for range 100 { // in turns, so that what else the machine does is the same for all
			for i := range rows {
				rows[i].chose = append(rows[i].chose, rows[i].of.choose(10, rows[i].who)...)
				rows[i].took = append(rows[i].took, rows[i].of.schedule(10, rows[i].who)...)
			}
		}
		rows = append(rows, row{name: "  and that driver's last new number, once in a life", took: once, chose: []time.Duration{0}})
		report := fmt.Sprintf("\n%-52s %9s %9s %7s %17s %7s", "a ride created, with", "median", "p95", "times", "its number chosen", "times")
		for _, r := range rows {
			report += fmt.Sprintf("\n%-52s %6d µs %6d µs %7.2f %14d µs %7.2f", r.name, at(r.took, 50), at(r.took, 95),
				float64(at(r.took, 50))/float64(at(rows[0].took, 50)), at(r.chose, 50), float64(at(r.chose, 50))/float64(at(rows[0].chose, 50)))
		}
		b.Log(report)
	}
}

// row is one kind of ride, how long each of them took, and the choice of a number alone.
type row struct {
	name        string
	of          *metropolis
	who         func(int) (customer, driver masking.Party)
	took, chose []time.Duration
}

// at is a percentile in microseconds.
func at(took []time.Duration, percent int) int64 {
	slices.Sort(took)
	return took[(len(took)-1)*percent/100].Microseconds()
}

// metropolis is a platform of a size, filled without its use cases.
type metropolis struct {
	*town
	b                  *testing.B
	random             *rand.Rand
	numbers            []masking.ProxyNumber
	customers, drivers []masking.Party
	made               int
	at                 time.Time
	pending            []masking.Ride
}

func newMetropolis(b *testing.B, numbers, people int) *metropolis {
	clock := storetest.NewClock()
	s := storetest.Open(b, filepath.Join(b.TempDir(), "birdcar.db"), clock.Now)
	m := &metropolis{town: newTownLingering(b, s, clock, 0), b: b, random: rand.New(rand.NewPCG(1, 2)), at: storetest.Start.AddDate(-1, 0, 0)}
	for i := range numbers {
		m.numbers = append(m.numbers, masking.ProxyNumber{ID: int64(i + 1), Number: nobodys(b, 100_000+i), Country: "GB", State: masking.Available})
	}
	for i := range people {
		m.customers = append(m.customers, masking.Party{ID: int64(i + 1), Role: masking.Customer, Name: "C", Number: nobodys(b, 200_000+i)})
		if i < max(people/10, 100) {
			m.drivers = append(m.drivers, masking.Party{ID: int64(i + 1), Role: masking.Driver, Name: "D", Number: nobodys(b, 300_000+i)})
		}
	}
	m.fill(store.Filling{Numbers: m.numbers, Customers: m.customers, Drivers: m.drivers})
	return m
}

// nobodys is a number of the United Kingdom's 06, which is not in use.
func nobodys(b *testing.B, i int) masking.Number { return phone(b, fmt.Sprintf("+446%09d", i)) }

func (m *metropolis) fill(f store.Filling) {
	err := m.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error { return tx.Fill(ctx, f) })
	if err != nil {
		m.b.Fatal(err)
	}
}

// past adds a ride that is over.
func (m *metropolis) past(customer, driver masking.Party, n masking.ProxyNumber) {
	m.made++
	m.at = m.at.Add(30 * time.Second)
	m.pending = append(m.pending, masking.Ride{ID: int64(m.made), Customer: customer, Driver: driver, Proxy: n, Start: "Dam 1", Destination: "Schiphol",
		At: m.at, State: masking.Closed, Created: m.at, Ended: m.at.Add(time.Hour), ClosedAt: m.at.Add(5 * time.Hour)})
	if len(m.pending) == 20_000 {
		m.flush()
	}
}

func (m *metropolis) flush() {
	m.fill(store.Filling{Rides: m.pending})
	m.pending = nil
}

// rides fills up to so many rides, of anybody.
func (m *metropolis) rides(total int) {
	for m.made < total {
		customer, driver := m.anybody(m.made)
		m.past(customer, driver, m.numbers[m.made%len(m.numbers)])
	}
	m.flush()
}

// veterans are the next drivers, each given ten thousand rides; number says
// through which number each ride went.
func (m *metropolis) veterans(count int, number func(ride int) int) []masking.Party {
	list := m.drivers[:count]
	m.drivers = m.drivers[count:]
	for _, driver := range list {
		for i := range 10_000 {
			m.past(m.customers[m.random.IntN(len(m.customers))], driver, m.numbers[number(i)])
		}
	}
	return list
}

func (m *metropolis) anybody(int) (customer, driver masking.Party) {
	return m.customers[m.random.IntN(len(m.customers))], m.drivers[m.random.IntN(len(m.drivers))]
}

func (m *metropolis) of(drivers []masking.Party) func(int) (customer, driver masking.Party) {
	return func(i int) (customer, driver masking.Party) {
		return m.customers[m.random.IntN(len(m.customers))], drivers[i%len(drivers)]
	}
}

// schedule creates rides and says how long each took.
func (m *metropolis) schedule(count int, who func(int) (customer, driver masking.Party)) (took []time.Duration) {
	ctx := context.Background()
	for i := range count {
		m.clock.Move(time.Second)
		customer, driver := who(i)
		request := masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, Start: "Dam 1", Destination: "Schiphol", At: m.clock.Now().Add(time.Hour)}
		began := time.Now()
		ride, err := m.ScheduleRide(ctx, request)
		took = append(took, time.Since(began))
		if err != nil {
			m.b.Fatal(err)
		}
		m.end(m.b, ride)
		m.sweep(m.b)
	}
	return took
}

// choose is what schedule would choose, and says how long each choice took.
func (m *metropolis) choose(count int, who func(int) (customer, driver masking.Party)) (took []time.Duration) {
	for i := range count {
		customer, driver := who(i)
		err := m.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			began := time.Now()
			_, err := tx.ChooseNumber(ctx, customer.Number, driver.Number, "GB")
			took = append(took, time.Since(began))
			return err
		})
		if err != nil {
			m.b.Fatal(err)
		}
	}
	return took
}
