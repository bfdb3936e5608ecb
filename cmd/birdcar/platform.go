package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// countries are where a generated platform drives, each with its share in tenths.
// Its phone numbers are possible to libphonenumber, and nobody's: area code 990, one
// of those kept back until North America runs out of numbers; the United Kingdom's
// 06; Spain's 3. The ranges kept free for drama would hold a thousandth of them.
var countries = []struct {
	code, prefix  string
	digits, share int
}{
	{"US", "+1990", 7, 5},
	{"GB", "+446", 9, 3},
	{"ES", "+343", 8, 2},
}

const (
	maxRides      = 5_000_000 // the people of more would not fit into a country's range
	ridesPerStep  = 5000      // share a transaction, which a slow database must take in time
	peoplePerStep = 20_000
)

// platform makes up a platform's past and present, in portions.
type platform struct {
	rides             int // to make
	linger, rideLimit time.Duration
	now               time.Time

	random             *rand.Rand
	customers, drivers []masking.Party
	numbers            []masking.ProxyNumber
	pools              [10][]masking.ProxyNumber // for a person, by the last digit of its place on its list
	trips              []int                     // of each driver so far
	busy               []time.Time               // until when each driver is
	taken              map[liveRoute]bool

	told                  int // how many people and numbers of each kind are in portions already
	live                  int // how many rides are live at the end: the last ones made
	made, messages, calls int // so far
}

type liveRoute struct {
	number int64
	party  masking.Number
}

// newPlatform settles who is there. One of 50 rides is live, or 500 where that is
// more, but never more than half. Texts tell times in the zone of now.
func newPlatform(rides, numbers int, linger, rideLimit time.Duration, now time.Time) *platform {
	p := &platform{rides: rides, linger: linger, rideLimit: rideLimit, now: now,
		random: rand.New(rand.NewPCG(1, 2)), taken: map[liveRoute]bool{}}
	p.live = min(max(rides/50, 500), rides/2)
	start := p.closedAt(0).Add(-linger - 24*time.Hour)
	p.customers = p.people(masking.Customer, 0, rides/10+p.live, start)
	p.drivers = p.people(masking.Driver, len(p.customers), rides/50+p.live, start)
	p.trips, p.busy = make([]int, len(p.drivers)), make([]time.Time, len(p.drivers))
	for i := range numbers {
		country, number := phone(i, 9)
		p.numbers = append(p.numbers, masking.ProxyNumber{ID: int64(i + 1), Number: number, Country: country,
			State: masking.Available, Created: start})
		for digit := range p.pools {
			if at, _ := phone(digit, 2); at == country {
				p.pools[digit] = append(p.pools[digit], p.numbers[i])
			}
		}
	}
	for digit := range p.pools {
		if len(p.pools[digit]) == 0 {
			p.pools[digit] = p.numbers
		}
	}
	return p
}

// phone is the i-th phone number among those that begin with first in their
// country, which i's last digit decides.
func phone(i, first int) (country string, n masking.Number) {
	c := 0
	for tenths := countries[c].share; i%10 >= tenths; tenths += countries[c].share {
		c++
	}
	n, err := masking.ParseNumber(fmt.Sprintf("%s%d%0*d", countries[c].prefix, first, countries[c].digits-1, i), "ZZ")
	if err != nil {
		panic(err) // countries says something wrong
	}
	return countries[c].code, n
}

// people are at least count, in tens, so that a place's last digit tells the country.
func (p *platform) people(role masking.Role, after, count int, since time.Time) []masking.Party {
	list := make([]masking.Party, count/10*10+10)
	for i := range list {
		_, number := phone(after+i, 2)
		list[i] = masking.Party{ID: int64(i + 1), Role: role, Name: p.any(firstNames) + " " + p.any(lastNames), Number: number, Created: since}
	}
	return list
}

// next is the next portion; more is false once there is none.
func (p *platform) next() (f store.Filling, more bool) {
	if p.made == p.rides {
		return f, false
	}
	if first := p.told; first < max(len(p.customers), len(p.drivers), len(p.numbers)) {
		p.told += peoplePerStep
		f.Customers, f.Drivers, f.Numbers = portion(p.customers, first), portion(p.drivers, first), portion(p.numbers, first)
		return f, true
	}
	for range min(ridesPerStep, p.rides-p.made) {
		r := p.ride()
		f.Rides = append(f.Rides, r)
		p.talk(&f, r)
	}
	return f, true
}

func portion[T any](list []T, first int) []T {
	return list[min(first, len(list)):min(first+peoplePerStep, len(list))]
}

// closedAt is when the i-th ride closed: as many in five hours, which a ride takes
// from the first text to the release of its number, as are live now.
func (p *platform) closedAt(i int) time.Time {
	step := 5 * time.Hour / time.Duration(max(p.live, 1))
	return p.now.Add(-time.Duration(p.rides-p.live-i) * step)
}

func (p *platform) ride() masking.Ride {
	r := masking.Ride{ID: int64(p.made + 1), Start: p.place(), Destination: p.place()}
	drive, wait := p.minutes(10, 50), p.minutes(10, 60)
	switch i := p.made; {
	case i < p.rides-p.live:
		r.State, r.ClosedAt = masking.Closed, p.closedAt(i)
		r.Ended = r.ClosedAt.Add(-p.linger)
		r.At = r.Ended.Add(-drive)
		r.Created = r.At.Add(-wait)
	case i%2 == 0 && p.linger > 0:
		r.State, r.Ended = masking.Lingering, p.now.Add(-time.Duration(p.random.Int64N(int64(p.linger))))
		r.Due = r.Ended.Add(p.linger)
		r.At = r.Ended.Add(-drive)
		r.Created = r.At.Add(-wait)
	default:
		r.State, r.Created = masking.Open, p.now.Add(-p.minutes(0, 60))
		r.At = r.Created.Add(wait)
		r.Due = r.At.Add(p.rideLimit)
	}
	p.made++
	p.meet(&r)
	return r
}

// meet gives a ride its two people, of one country, and a number: a driver
// goes through the pool in turn, as the choice of numbers has it. Only on a platform so small that
// all drivers have a ride, or no number left, one gets another ride beside theirs.
func (p *platform) meet(r *masking.Ride) {
	until := r.Ended
	if r.State == masking.Open {
		until = p.now.Add(time.Hour) // later than any other ride began
	}
	for try := 0; ; try++ {
		d := p.random.IntN(len(p.drivers))
		if try < 100 {
			d = p.free(d, r.Created)
		}
		c := p.random.IntN(len(p.customers)/10)*10 + d%10
		r.Customer, r.Driver = p.customers[c], p.drivers[d]
		pool := p.pools[c%10]
		for range pool {
			r.Proxy = pool[(d+p.trips[d])%len(pool)]
			p.trips[d]++
			one, other := liveRoute{r.Proxy.ID, r.Customer.Number}, liveRoute{r.Proxy.ID, r.Driver.Number}
			if r.State != masking.Closed && (p.taken[one] || p.taken[other]) {
				continue
			}
			if r.State != masking.Closed {
				p.taken[one], p.taken[other] = true, true
			}
			p.busy[d] = until
			return
		}
	}
}

// free is the first driver without a ride at that time, from d on.
func (p *platform) free(d int, at time.Time) int {
	for range p.drivers {
		if !p.busy[d].After(at) {
			return d
		}
		d = (d + 1) % len(p.drivers)
	}
	return d
}

// talk makes up a ride's texts, two and more, and a call in every third ride.
func (p *platform) talk(f *store.Filling, r masking.Ride) {
	for _, to := range []masking.Party{r.Customer, r.Driver} {
		p.text(f, masking.Message{Kind: masking.Confirming, RideID: r.ID, Role: to.Role, From: r.Proxy.Number, To: to.Number,
			Body: masking.Confirmation(to.Role, r.Other(to.Role).Name, r.At), Created: r.Created})
	}
	when := r.Created.Add(r.At.Sub(r.Created) / 2)
	for range p.random.IntN(3) {
		from := []masking.Party{r.Customer, r.Driver}[p.random.IntN(2)]
		when = when.Add(p.minutes(0, 3))
		in := p.text(f, masking.Message{Kind: masking.Inbound, RideID: r.ID, Role: from.Role, From: from.Number, To: r.Proxy.Number,
			Body: p.any(remarks), Created: when})
		p.text(f, masking.Message{Kind: masking.Relaying, RideID: r.ID, Role: from.Role.Other(), CauseID: in.ID, From: r.Proxy.Number,
			To: r.Other(from.Role).Number, Body: in.Body, Created: when})
	}
	if p.random.IntN(3) == 0 {
		p.calls++
		f.Calls = append(f.Calls, masking.CallRecord{RideID: r.ID, From: r.Customer.Number, Number: r.Proxy.Number,
			To: r.Driver.Number, Outcome: masking.Connected, At: when})
	}
}

// text puts a message that has come to its end on the list.
func (p *platform) text(f *store.Filling, m masking.Message) masking.Message {
	p.messages++
	if m.Created.After(p.now) {
		m.Created = p.now
	}
	m.ID = int64(p.messages)
	m.CarrierID = fmt.Sprintf("%016x%016x", p.random.Uint64(), p.random.Uint64())
	switch {
	case m.Kind == masking.Inbound:
		m.State = masking.Relayed
	case p.random.IntN(200) == 0:
		m.State, m.Attempts, m.Code, m.Reason = masking.Failed, 1, 1, "unknown subscriber"
	default:
		m.State = masking.Delivered
	}
	if m.Kind != masking.Inbound {
		m.SentAt, m.Settled = m.Created, m.Created
	}
	f.Messages = append(f.Messages, m)
	return m
}

func (p *platform) minutes(least, most int64) time.Duration {
	return time.Duration(least)*time.Minute + time.Duration(p.random.Int64N((most-least)*int64(time.Minute)))
}

func (p *platform) any(words []string) string { return words[p.random.IntN(len(words))] }

func (p *platform) place() string { return fmt.Sprint(1+p.random.IntN(250), " ", p.any(streets)) }

var (
	firstNames = []string{"Ada", "Bram", "Chloe", "Daan", "Elena", "Farah", "Gus", "Hana", "Ivo", "Jade", "Kofi", "Lucia", "Milan", "Noor",
		"Otis", "Pilar", "Quinn", "Rosa", "Sem", "Tess", "Umar", "Vera", "Wout", "Xenia", "Yara", "Zoe"}
	lastNames = []string{"Adams", "Bakker", "Castillo", "Dekker", "Evans", "Ferrer", "Gray", "Hughes", "Ibarra", "Jansen", "Keller", "Lopez",
		"Morgan", "Navarro", "Owen", "Prins", "Quiroga", "Reid", "Smit", "Torres", "Visser", "Walker", "Young", "Zamora"}
	streets = []string{"Bridge Street", "Canal Street", "Church Lane", "Elm Road", "Garden Row", "Harbour Walk", "High Street",
		"Market Square", "Mill Lane", "Station Road", "Tower Hill", "West End"}
	remarks = []string{"I am at the back door.", "Two minutes away.", "Which car is it?", "A blue van, at the corner.", "I am late, sorry!",
		"No hurry.", "I left my umbrella in the car.", "Can you stop at the other side of the road?", "OK", "Thanks, see you there."}
)
