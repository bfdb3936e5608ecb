package exchange_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"pgregory.net/rapid"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// machine does each operation to an instance of the exchange and to the model,
// and compares.
type machine struct {
	*town // whose turn it is
	model
	ctx               context.Context
	towns             []*town
	phones            []masking.Number
	spare             []masking.Number // that are or may be in the pool
	sent              int
	operations, calls *atomic.Int64
}

func newMachine(t *rapid.T, clock *storetest.Clock, stores []*store.Store) *machine {
	m := &machine{ctx: context.Background(), model: model{used: map[masking.Number]map[*proxy]int64{}}}
	for _, s := range stores {
		m.towns = append(m.towns, newTown(t, s, clock))
	}
	m.town = m.towns[0]
	for _, digits := range []string{"447700900101", "447700900102", "447700900103", "12125550104", "447700900105", "12125550106"} {
		m.phones = append(m.phones, fromCarrier(t, digits))
	}
	for _, digits := range []string{"447700900901", "12125550192", "447700900903", "447700900904", "12125550195"} {
		m.spare = append(m.spare, fromCarrier(t, digits))
	}
	// One is both a customer and a driver, two customers have one phone, and the
	// last phone is nobody's.
	for i, role := range []masking.Role{masking.Customer, masking.Customer, masking.Customer, masking.Driver, masking.Driver, masking.Driver} {
		m.add(t, role, m.phones[[]int{0, 1, 1, 0, 2, 3}[i]])
	}
	m.put(t, m.spare[0])
	m.put(t, m.spare[1])
	m.put(t, m.spare[2])
	return m
}

func fromCarrier(t tb, digits string) masking.Number {
	n, err := masking.ParseCarrier(digits, "GB")
	if err != nil {
		t.Fatalf("%s: %v", digits, err)
	}
	return n
}

func (m *machine) actions() map[string]func(*rapid.T) {
	a := map[string]func(*rapid.T){
		"ride": m.rideOp, "ride again": m.rideOp, "and again": m.rideOp, "end": m.endOp, "cancel": m.cancelOp,
		"clock": m.clockOp, "sweep": m.sweepOp, "send": m.sendOp, "release": m.releaseOp, "release again": m.releaseOp, "forget": m.forgetOp,
		"change number": m.changeOp, "add person": m.addOp, "delete person": m.deleteOp,
		"add number": m.putOp, "number state": m.stateOp, "delete number": m.dropOp,
		"text": m.textOp, "text again": m.textOp, "and once more": m.textOp,
	}
	for name, op := range a {
		a[name] = func(t *rapid.T) {
			m.town = pick(t, "instance", m.towns)
			op(t)
			m.operations.Add(1)
		}
	}
	a[""] = m.check
	return a
}

func pick[T any](t *rapid.T, label string, from []T) T {
	if len(from) == 0 {
		t.SkipNow()
	}
	return from[rapid.IntRange(0, len(from)-1).Draw(t, label)]
}

func (m *machine) rideOp(t *rapid.T) {
	var byRole [2][]*person
	for _, p := range m.people {
		if p.Role == masking.Customer {
			byRole[0] = append(byRole[0], p)
		} else {
			byRole[1] = append(byRole[1], p)
		}
	}
	customer, driver := pick(t, "customer", byRole[0]), pick(t, "driver", byRole[1])
	at := m.clock.Now().Add(time.Duration(rapid.IntRange(-30, 3).Draw(t, "hours")) * time.Hour)
	m.told()
	ride, err := m.ScheduleRide(m.ctx, masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, At: at})
	if customer.gone || driver.gone || customer.Number == driver.Number {
		var fields []string
		if customer.gone {
			fields = append(fields, "customer")
		}
		if driver.gone || !customer.gone && customer.Number == driver.Number {
			fields = append(fields, "driver")
		}
		refused(t, err, fields...)
		return
	}
	best := m.choice(customer.Number, driver.Number)
	if len(best) == 0 {
		if err != masking.ErrPoolEmpty {
			t.Fatalf("no number is free: got ride %d through %s, %v", ride.ID, ride.Proxy.Number.E164(), err)
		}
		return
	}
	if err != nil {
		t.Fatalf("schedule: %v", err)
	}
	i := slices.IndexFunc(best, func(n *proxy) bool { return n.ID == ride.Proxy.ID })
	if i < 0 {
		t.Fatalf("the ride got %s, want %v", ride.Proxy.Number.E164(), names(best))
	}
	r := &trip{id: ride.ID, customer: customer, driver: driver, proxy: best[i], state: masking.Open,
		due: ride.At.Add(rideLimit), told: map[masking.Number]bool{}}
	m.trips = append(m.trips, r)
	best[i].had = true
	m.use(customer.Number, best[i], m.clock.Now())
	m.use(driver.Number, best[i], m.clock.Now())
	m.expectTexts(t, r, masking.Confirming)
}

func names(numbers []*proxy) (all []string) {
	for _, n := range numbers {
		all = append(all, n.Number.E164())
	}
	return all
}

// expectTexts checks that both parties of a trip are texted, and nobody else.
func (m *machine) expectTexts(t *rapid.T, r *trip, kind masking.Kind) {
	messages := m.enqueued(t)
	if len(messages) != 2 {
		t.Fatalf("%s: %d texts, want 2", kind, len(messages))
	}
	for i, message := range messages {
		reachesOnly(t, []masking.Message{message}, kind, r.proxy.Number, r.sides()[i], message.Body)
		m.texts = append(m.texts, &waitingText{message.ID, r, message.To})
	}
}

func (m *machine) endOp(t *rapid.T) { m.endAny(t, m.EndRide, false) }

func (m *machine) cancelOp(t *rapid.T) { m.endAny(t, m.CancelRide, true) }

func (m *machine) endAny(t *rapid.T, end func(context.Context, int64) (masking.Ride, error), cancel bool) {
	r := pick(t, "ride", m.trips)
	m.told()
	_, err := end(m.ctx, r.id)
	if r.state != masking.Open {
		refused(t, err, "ride")
		return
	}
	if err != nil {
		t.Fatalf("end ride %d: %v", r.id, err)
	}
	r.state, r.cancelled, r.due = masking.Lingering, cancel, m.clock.Now().Add(linger)
	if cancel {
		m.expectTexts(t, r, masking.Cancelling)
	}
}

func (m *machine) clockOp(t *rapid.T) {
	m.clock.Move(time.Duration(rapid.IntRange(-60, 600).Draw(t, "minutes")) * time.Minute)
}

func (m *machine) sweepOp(t *rapid.T) {
	if _, err := m.Sweep(m.ctx); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	m.model.sweep(m.clock.Now())
}

// sendOp lets the texts go that are due: with a clock that was set back not all are.
func (m *machine) sendOp(t *rapid.T) {
	m.checkWaiting(t)
	m.town.send(t)
	m.texts = slices.DeleteFunc(m.texts, func(text *waitingText) bool {
		message, err := m.store.Message(m.ctx, text.id)
		if err != nil {
			t.Fatalf("message %d: %v", text.id, err)
		}
		return message.State == masking.Sent
	})
}

// releaseOp lets everything close that ended.
func (m *machine) releaseOp(t *rapid.T) {
	m.clock.Move(linger)
	m.sendOp(t)
	m.sweepOp(t)
}

func (m *machine) forgetOp(t *rapid.T) {
	m.clock.Move(pick(t, "later", []time.Duration{0, keep / 2, keep + time.Millisecond}))
	if _, err := m.ForgetOld(m.ctx); err != nil {
		t.Fatalf("forget: %v", err)
	}
	m.model.forget(m.clock.Now().Add(-keep))
}

func (m *machine) changeOp(t *rapid.T) {
	p := pick(t, "person", m.people)
	to := pick(t, "to", append(slices.Clone(m.phones), m.spare...))
	_, err := m.ChangeParty(m.ctx, p.Role, p.ID, p.Name, to.E164())
	switch {
	case p.gone:
		if err != masking.ErrNotFound {
			t.Fatalf("change of somebody deleted: %v", err)
		}
	case to == p.Number:
		if err != nil {
			t.Fatalf("change to the same number: %v", err)
		}
	case !m.mayChange(p, to):
		refused(t, err, "number")
	case err != nil:
		t.Fatalf("change: %v", err)
	default:
		m.change(p, to, m.clock.Now())
		m.checkWaiting(t)
	}
}

// checkWaiting checks to whom the texts go that wait.
func (m *machine) checkWaiting(t *rapid.T) {
	for _, text := range m.texts {
		message, err := m.store.Message(m.ctx, text.id)
		if err != nil || message.To != text.to {
			t.Fatalf("message %d goes to %s, %v; want %s", text.id, message.To.E164(), err, text.to.E164())
		}
	}
}

func (m *machine) addOp(t *rapid.T) {
	if len(m.people) > 9 {
		t.SkipNow()
	}
	m.add(t, pick(t, "role", []masking.Role{masking.Customer, masking.Driver}), pick(t, "phone", m.phones))
}

func (m *machine) add(t *rapid.T, role masking.Role, phone masking.Number) {
	p, err := m.AddParty(m.ctx, role, fmt.Sprint("P", len(m.people)), phone.E164())
	if m.inPool(phone) {
		refused(t, err, "number")
		return
	} else if err != nil {
		t.Fatalf("add: %v", err)
	}
	m.people = append(m.people, &person{Party: p})
}

func (m *machine) deleteOp(t *rapid.T) {
	p := pick(t, "person", m.people)
	err := m.DeleteParty(m.ctx, p.Role, p.ID)
	switch {
	case p.gone:
		if err != masking.ErrNotFound {
			t.Fatalf("delete again: %v", err)
		}
	case len(m.liveTrips(p)) > 0:
		refused(t, err, string(p.Role))
	case err != nil:
		t.Fatalf("delete: %v", err)
	default:
		p.gone = true
	}
}

func (m *machine) putOp(t *rapid.T) {
	m.put(t, pick(t, "number", append(slices.Clone(m.spare), m.phones[5])))
}

func (m *machine) put(t *rapid.T, number masking.Number) {
	n, err := m.AddNumber(m.ctx, number.E164())
	if m.inPool(number) || m.onLists(number) {
		refused(t, err, "number")
		return
	} else if err != nil {
		t.Fatalf("add number: %v", err)
	}
	m.proxies = append(m.proxies, &proxy{ProxyNumber: n})
}

func (m *machine) stateOp(t *rapid.T) {
	n := pick(t, "number", m.proxies)
	state := pick(t, "state", []masking.PoolState{masking.Available, masking.Available, masking.Draining, masking.Retired})
	err := m.SetPoolState(m.ctx, n.ID, state)
	switch {
	case n.deleted:
		if err != masking.ErrNotFound {
			t.Fatalf("state of a deleted number: %v", err)
		}
	case state == masking.Retired && m.liveRoutes(n) > 0:
		refused(t, err, "state")
	case err != nil:
		t.Fatalf("state: %v", err)
	default:
		n.State = state
	}
}

func (m *machine) dropOp(t *rapid.T) {
	n := pick(t, "number", m.proxies)
	err := m.DeleteNumber(m.ctx, n.ID)
	switch {
	case n.deleted:
		if err != masking.ErrNotFound {
			t.Fatalf("delete a number again: %v", err)
		}
	case n.had && (err != nil || len(m.forgotten) == 0 || m.hasTrip(n)):
		refused(t, err, "number")
	case err != nil:
		t.Fatalf("delete number: %v", err)
	default:
		n.deleted = true
	}
}

func (m *machine) textOp(t *rapid.T) {
	from := pick(t, "from", append(slices.Clone(m.phones), m.spare[0], m.spare[3]))
	to := pick(t, "to", m.spare)
	m.sent++
	body := fmt.Sprint("text ", m.sent)
	messages := m.town.text(t, fmt.Sprint(m.sent), from, to, body)
	r, peer := m.dial(t, from, to)
	switch {
	case m.inPool(from), r == nil, !r.live() && r.told[from]:
		if len(messages) != 0 {
			t.Fatalf("a text of %s to %s, whom nobody should get, went to %s", from.E164(), to.E164(), messages[0].To.E164())
		}
		return
	case r.live():
		reachesOnly(t, messages, masking.Relaying, to, peer, body)
	default:
		r.told[from] = true
		reachesOnly(t, messages, masking.RideOver, to, from, masking.SayEnded)
	}
	m.texts = append(m.texts, &waitingText{messages[0].ID, r, messages[0].To})
	if again := m.town.text(t, fmt.Sprint(m.sent), from, to, body); len(again) != 0 {
		t.Fatalf("the same text again was sent again")
	}
}

// check is done after every operation.
func (m *machine) check(t *rapid.T) {
	for _, number := range m.spare {
		for _, from := range m.phones {
			want := masking.CallFlow{Say: masking.SayUnknown}
			if r, peer := m.dial(t, from, number); r != nil && r.live() {
				want = masking.CallFlow{Transfer: peer}
			} else if r != nil {
				want = masking.CallFlow{Say: masking.SayEnded}
			}
			got, err := m.RouteCall(m.ctx, masking.Call{From: from, To: number}, exchange.Proof{})
			if err != nil || got != want {
				t.Fatalf("%s dials %s: got %s %q, %v; want %s %q", from.E164(), number.E164(),
					got.Transfer.E164(), got.Say, err, want.Transfer.E164(), want.Say)
			}
			m.calls.Add(1)
		}
	}
	pool, err := m.store.ProxyNumbers(m.ctx)
	if err != nil {
		t.Fatalf("pool: %v", err)
	}
	for _, n := range m.proxies {
		i := slices.IndexFunc(pool, func(p masking.ProxyNumber) bool { return p.ID == n.ID })
		switch {
		case n.deleted && i < 0:
		case n.deleted != (i < 0), pool[i].State != n.State, pool[i].LiveRoutes != m.liveRoutes(n):
			t.Fatalf("number %s is not as it should be: %d in %v", n.Number.E164(), i, pool)
		}
	}
}

// finish checks what is not looked at on the way.
func (m *machine) finish(t *rapid.T) {
	m.checkWaiting(t)
	for _, id := range m.forgotten {
		if r, err := m.store.Ride(m.ctx, id); err != masking.ErrNotFound {
			t.Fatalf("ride %d should be forgotten: got %s, %v", id, r.State, err)
		}
	}
	for _, r := range m.trips {
		got, err := m.store.Ride(m.ctx, r.id)
		if err != nil || got.State != r.state || got.Cancelled != r.cancelled {
			t.Fatalf("ride %d: got %s, cancelled %v, %v; want %s, %v", r.id, got.State, got.Cancelled, err, r.state, r.cancelled)
		}
	}
}
