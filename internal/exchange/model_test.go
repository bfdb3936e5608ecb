package exchange_test

import (
	"slices"
	"time"

	"birdcar/internal/masking"
)

// model is what the exchange should know, kept the plainest way: lists, walked
// from end to end. It shares no code with the store.
type model struct {
	people  []*person
	proxies []*proxy
	trips   []*trip
	used    map[masking.Number]map[*proxy]int64 // when a phone last had a number
	texts   []*waitingText

	forgotten []int64 // trips
}

type person struct {
	masking.Party
	gone bool
}

type proxy struct {
	masking.ProxyNumber
	had     bool // some ride had it
	deleted bool
}

type trip struct {
	id               int64
	customer, driver *person
	proxy            *proxy
	state            masking.RideState
	cancelled        bool
	due              time.Time
	released         time.Time
	phones           [2]masking.Number // the customer's and the driver's when it was released
	told             map[masking.Number]bool
}

// waitingText is a text that waits for the outbox.
type waitingText struct {
	id   int64
	trip *trip
	to   masking.Number
}

func (r *trip) live() bool { return r.state != masking.Closed }

// sides are the phones that the trip connects, or connected last.
func (r *trip) sides() [2]masking.Number {
	if r.live() {
		return [2]masking.Number{r.customer.Number, r.driver.Number}
	}
	return r.phones
}

// other is the phone on the other side of the trip from party.
func (r *trip) other(party masking.Number) (peer masking.Number, ok bool) {
	switch sides := r.sides(); party {
	case sides[0]:
		return sides[1], true
	case sides[1]:
		return sides[0], true
	}
	return peer, false
}

// dial is the trip that whoever dials number means, if any: a live one, else the
// one that was released last.
func (m *model) dial(t tb, from, number masking.Number) (trip *trip, peer masking.Number) {
	t.Helper()
	for _, r := range m.trips {
		p, ok := r.other(from)
		if !ok || r.proxy.Number != number {
			continue
		}
		switch {
		case r.live() && trip != nil && trip.live():
			t.Fatalf("%s dials %s and could mean ride %d or ride %d", from.E164(), number.E164(), trip.id, r.id)
		case r.live(), trip == nil, !trip.live() && !r.released.Before(trip.released):
			trip, peer = r, p
		}
	}
	return trip, peer
}

// liveTrips are the trips of a person that connect.
func (m *model) liveTrips(p *person) (live []*trip) {
	for _, r := range m.trips {
		if r.live() && (r.customer == p || r.driver == p) {
			live = append(live, r)
		}
	}
	return live
}

func (m *model) liveRoutes(n *proxy) (count int) {
	for _, r := range m.trips {
		if r.live() && r.proxy == n {
			count += 2
		}
	}
	return count
}

// choice are the numbers that a ride of two phones may get: the rule of the
// product, as its documents say it.
func (m *model) choice(a, b masking.Number) (best []*proxy) {
	free := m.free(a, b)
	home := slices.DeleteFunc(slices.Clone(free), func(n *proxy) bool { return n.Country != a.Country() })
	if len(home) > 0 {
		free = home
	}
	var bestHad int64
	var bestLive int
	for _, n := range free {
		had, live := max(m.used[a][n], m.used[b][n]), m.liveRoutes(n)
		switch {
		case len(best) == 0, had < bestHad, had == bestHad && live < bestLive:
			best, bestHad, bestLive = []*proxy{n}, had, live
		case had == bestHad && live == bestLive:
			best = append(best, n)
		}
	}
	return best
}

// free are the available numbers on which neither phone has a live trip.
func (m *model) free(a, b masking.Number) (free []*proxy) {
	for _, n := range m.proxies {
		if !n.deleted && n.State == masking.Available && !m.connected(a, n) && !m.connected(b, n) {
			free = append(free, n)
		}
	}
	return free
}

func (m *model) hasTrip(n *proxy) bool {
	return slices.ContainsFunc(m.trips, func(r *trip) bool { return r.proxy == n })
}

func (m *model) use(phone masking.Number, n *proxy, at time.Time) {
	if m.used[phone] == nil {
		m.used[phone] = map[*proxy]int64{}
	}
	m.used[phone][n] = at.UnixMilli()
}

// sweep moves on every trip whose time has come, and whose texts have left.
func (m *model) sweep(now time.Time) {
	for _, r := range m.trips {
		if r.state == masking.Open && !r.due.After(now) {
			r.state, r.due = masking.Lingering, r.due.Add(linger)
		}
		if r.state != masking.Lingering || r.due.After(now) {
			continue
		}
		if slices.ContainsFunc(m.texts, func(text *waitingText) bool { return text.trip == r }) {
			r.due = now.Add(time.Minute)
		} else {
			r.phones, r.state, r.released = r.sides(), masking.Closed, now
			m.use(r.phones[0], r.proxy, now)
			m.use(r.phones[1], r.proxy, now)
		}
	}
}

// forget forgets what was over before a time.
func (m *model) forget(before time.Time) {
	m.trips = slices.DeleteFunc(m.trips, func(r *trip) bool {
		waits := slices.ContainsFunc(m.texts, func(text *waitingText) bool { return text.trip == r })
		old := !r.live() && r.released.Before(before) && !waits
		if old {
			m.forgotten = append(m.forgotten, r.id)
		}
		return old
	})
	for phone, numbers := range m.used {
		for n, at := range numbers {
			if at < before.UnixMilli() && !m.connected(phone, n) {
				delete(numbers, n)
			}
		}
	}
}

// connected reports whether a phone has a live trip through a number.
func (m *model) connected(phone masking.Number, n *proxy) bool {
	return slices.ContainsFunc(m.trips, func(r *trip) bool {
		_, there := r.other(phone)
		return there && r.live() && r.proxy == n
	})
}

// mayChange reports whether a person may have another phone.
func (m *model) mayChange(p *person, to masking.Number) bool {
	if m.inPool(to) {
		return false
	}
	for _, mine := range m.liveTrips(p) {
		if _, same := mine.other(to); same || m.connected(to, mine.proxy) {
			return false
		}
	}
	return true
}

// change gives a person another phone, and that phone the old one's memory.
func (m *model) change(p *person, to masking.Number, now time.Time) {
	from := p.Number
	for _, r := range m.liveTrips(p) {
		m.use(from, r.proxy, now)
		m.use(to, r.proxy, now)
	}
	for n, at := range m.used[from] {
		m.use(to, n, time.UnixMilli(max(at, m.used[to][n])))
	}
	for _, text := range m.texts {
		if text.to == from && (text.trip.customer == p || text.trip.driver == p) {
			text.to = to
		}
	}
	p.Number = to
}

func (m *model) inPool(n masking.Number) bool {
	return slices.ContainsFunc(m.proxies, func(p *proxy) bool { return p.Number == n && !p.deleted })
}

func (m *model) onLists(n masking.Number) bool {
	return slices.ContainsFunc(m.people, func(p *person) bool { return p.Number == n && !p.gone })
}
