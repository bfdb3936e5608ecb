package exchange_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

const (
	rideLimit = 24 * time.Hour
	linger    = 4 * time.Hour
	keep      = 100 * time.Hour
)

// town is an exchange over a real store, with people and numbers that tests name.
type town struct {
	*exchange.Exchange
	store *store.Store
	clock *storetest.Clock

	mu      sync.Mutex
	events  []masking.Event
	changed chan struct{} // has something after each event
}

// tb is what testing.T and rapid.T share.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

func newTown(t tb, s *store.Store, clock *storetest.Clock) *town {
	t.Helper()
	return newTownLingering(t, s, clock, linger)
}

func newTownLingering(t tb, s *store.Store, clock *storetest.Clock, linger time.Duration) *town {
	t.Helper()
	town := &town{store: s, clock: clock, changed: make(chan struct{}, 1)}
	var err error
	town.Exchange, err = exchange.New(exchange.Config{
		Store: s, Outbox: shut{}, Zone: time.UTC, Country: "GB", RideLimit: rideLimit, Linger: linger, Keep: keep,
		Lease: time.Minute, Now: clock.Now, Log: slog.New(slog.DiscardHandler),
		Publish: func(e masking.Event) {
			town.mu.Lock()
			defer town.mu.Unlock()
			town.events = append(town.events, e)
			select {
			case town.changed <- struct{}{}:
			default:
			}
		},
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	return town
}

// shut is an outbox that takes nothing: what would be sent waits in the store.
type shut struct{}

func (shut) Ready() bool { return false }

func (shut) Hand(...masking.Message) { panic("handed to an outbox that is not ready") }

// told are the events since the last call.
func (w *town) told() []masking.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	told := w.events
	w.events = nil
	return told
}

// enqueued are the messages that were enqueued since the last call of told.
func (w *town) enqueued(t tb) (messages []masking.Message) {
	t.Helper()
	for _, e := range w.told() {
		if e.Kind != masking.MessageMoved {
			continue
		}
		m, err := w.store.Message(context.Background(), e.MessageID)
		if err != nil {
			t.Fatalf("message %d: %v", e.MessageID, err)
		}
		messages = append(messages, m)
	}
	return messages
}

func (w *town) customer(t tb, name, typed string) masking.Party {
	t.Helper()
	return w.party(t, masking.Customer, name, typed)
}

func (w *town) driver(t tb, name, typed string) masking.Party {
	t.Helper()
	return w.party(t, masking.Driver, name, typed)
}

func (w *town) party(t tb, role masking.Role, name, typed string) masking.Party {
	t.Helper()
	p, err := w.AddParty(context.Background(), role, name, typed)
	if err != nil {
		t.Fatalf("add %s: %v", name, err)
	}
	return p
}

func (w *town) number(t tb, typed string) masking.ProxyNumber {
	t.Helper()
	n, err := w.AddNumber(context.Background(), typed)
	if err != nil {
		t.Fatalf("add number %s: %v", typed, err)
	}
	return n
}

// schedule schedules a ride in an hour.
func (w *town) schedule(customer, driver masking.Party) (masking.Ride, error) {
	return w.ScheduleRide(context.Background(), masking.RideRequest{
		CustomerID: customer.ID, DriverID: driver.ID, Start: "Dam 1", Destination: "Schiphol", At: w.clock.Now().Add(time.Hour),
	})
}

func (w *town) ride(t tb, customer, driver masking.Party) masking.Ride {
	t.Helper()
	ride, err := w.schedule(customer, driver)
	if err != nil {
		t.Fatalf("ride of %s and %s: %v", customer.Name, driver.Name, err)
	}
	return ride
}

func (w *town) end(t tb, ride masking.Ride) {
	t.Helper()
	if _, err := w.EndRide(context.Background(), ride.ID); err != nil {
		t.Fatalf("end ride %d: %v", ride.ID, err)
	}
}

// send lets go what waits to be sent, and is due.
func (w *town) send(t tb) {
	t.Helper()
	if err := storetest.SendAll(w.store); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// sweep moves rides on, whose texts have left.
func (w *town) sweep(t tb) {
	t.Helper()
	w.send(t)
	if _, err := w.Sweep(context.Background()); err != nil {
		t.Fatalf("sweep: %v", err)
	}
}

// release ends a ride and waits until its number is back in the pool.
func (w *town) release(t tb, ride masking.Ride) {
	t.Helper()
	w.end(t, ride)
	w.clock.Move(linger)
	w.sweep(t)
}

// call is what a caller gets.
func (w *town) call(t tb, from, to masking.Number) masking.CallFlow {
	t.Helper()
	flow, err := w.RouteCall(context.Background(), masking.Call{From: from, To: to}, exchange.Proof{})
	if err != nil {
		t.Fatalf("call: %v", err)
	}
	return flow
}

// connects checks whom a caller reaches.
func (w *town) connects(t tb, from, to, want masking.Number) {
	t.Helper()
	if got := w.call(t, from, to); got != (masking.CallFlow{Transfer: want}) {
		t.Errorf("%s dials %s: got %s %q, want %s", from.E164(), to.E164(), got.Transfer.E164(), got.Say, want.E164())
	}
}

// says checks what a caller hears who reaches nobody.
func (w *town) says(t tb, from, to masking.Number, want string) {
	t.Helper()
	if got := w.call(t, from, to); got != (masking.CallFlow{Say: want}) {
		t.Errorf("%s dials %s: got %s %q, want %q", from.E164(), to.E164(), got.Transfer.E164(), got.Say, want)
	}
}

// text relays a text and returns what was enqueued because of it.
func (w *town) text(t tb, id string, from, to masking.Number, body string) []masking.Message {
	t.Helper()
	w.told()
	text := masking.Text{CarrierID: id, From: from, To: to, Body: body}
	if err := w.RelayText(context.Background(), text, exchange.Proof{}); err != nil {
		t.Fatalf("text: %v", err)
	}
	return w.enqueued(t)
}

// reachesOnly checks that exactly one message was enqueued, and which.
func reachesOnly(t tb, messages []masking.Message, kind masking.Kind, from, to masking.Number, body string) {
	t.Helper()
	if len(messages) != 1 {
		t.Fatalf("%d messages were enqueued, want 1", len(messages))
	}
	m := messages[0]
	if m.Kind != kind || m.From != from || m.To != to || m.Body != body {
		t.Errorf("enqueued: %s from %s to %s %q; want %s from %s to %s %q",
			m.Kind, m.From.E164(), m.To.E164(), m.Body, kind, from.E164(), to.E164(), body)
	}
}

// refused checks that err tells what is wrong with exactly these fields.
func refused(t tb, err error, fields ...string) {
	t.Helper()
	var invalid masking.Invalid
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v, want masking.Invalid for %v", err, fields)
	}
	for field, problem := range invalid {
		if !slices.Contains(fields, field) || problem == "" {
			t.Errorf("got a problem %q with %q, want one with %v", problem, field, fields)
		}
	}
	if len(invalid) != len(fields) {
		t.Errorf("got %v, want problems with %v", invalid, fields)
	}
}

// phone reads a number that the test knows to be one.
func phone(t testing.TB, typed string) masking.Number {
	t.Helper()
	n, err := masking.ParseNumber(typed, "GB")
	if err != nil {
		t.Fatalf("%s: %v", typed, err)
	}
	return n
}

// inMemory is a folder for files that need no disk, on machines that have such a
// place: nothing in the test that asks for it is about the disk.
func inMemory(t *testing.T) string {
	folder, err := os.MkdirTemp("/dev/shm", "birdcar-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// openUntilEnd opens a database until the end of a rapid check.
func openUntilEnd(t *rapid.T, url string, clock *storetest.Clock) *store.Store {
	s, err := store.Open(context.Background(), url, clock.Now)
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("%v", err)
		}
	})
	return s
}
