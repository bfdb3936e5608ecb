package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// world is a BirdCar without HTTP: a real store, the real exchange and worker, and
// a carrier that does what a test says. It lives in a bubble of time.
type world struct {
	t        *testing.T
	file     string
	store    *store.Store
	exchange *exchange.Exchange
	worker   *outbox.Worker
	carrier  *carrier
	sender   outbox.Sender // the carrier, unless a test says otherwise
	now      func() time.Time
	rides    []masking.Ride
	texts    int
	stop     func() // ends the worker in good order and waits for it
}

const (
	settle = 5 * time.Second
	giveUp = 2 * time.Hour
)

// inWorld runs test in a world of so many rides, all through one proxy number,
// whose confirmations have left.
func inWorld(t *testing.T, rides int, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, rides, time.Now)
		test(w)
	})
}

func newWorld(t *testing.T, rides int, now func() time.Time) *world {
	w := &world{t: t, now: now, carrier: newCarrier(), stop: func() {}}
	w.sender = w.carrier
	w.file = filepath.Join(t.TempDir(), "birdcar.db")
	w.start()
	t.Cleanup(func() { w.stop() })
	ctx := context.Background()
	if _, err := w.exchange.AddNumber(ctx, "+442079460000"); err != nil {
		t.Fatal(err)
	}
	for i := range rides {
		customer, err := w.exchange.AddParty(ctx, masking.Customer, "Ada", fmt.Sprintf("+447700900%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		driver, err := w.exchange.AddParty(ctx, masking.Driver, "Ben", fmt.Sprintf("+447700901%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		ride, err := w.exchange.ScheduleRide(ctx, masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID, At: time.Now().Add(100 * time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		w.rides = append(w.rides, ride)
	}
	w.settled()
	w.carrier.forget()
	return w
}

// start starts a worker over the database, as a start of the program does.
func (w *world) start() {
	w.t.Helper()
	log := slog.New(slog.DiscardHandler)
	w.store = storetest.Open(w.t, w.file, w.now)
	var err error
	w.worker, err = outbox.New(outbox.Config{
		Store: w.store, Sender: w.sender, Workers: 16, GiveUp: giveUp, Settle: settle,
		Fail: func(ctx context.Context, m masking.Message, code int, reason string) error {
			return w.exchange.FailMessage(ctx, m, code, reason)
		},
		Now: w.now, Log: log,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.exchange, err = exchange.New(exchange.Config{Store: w.store, Outbox: w.worker, Zone: time.UTC, Country: "GB",
		RideLimit: 1000 * time.Hour, Linger: time.Hour, Lease: outbox.Lease, Now: w.now, Log: log})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	worker := w.worker
	running.Go(func() {
		if err := worker.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	w.stop = sync.OnceFunc(func() { cancel(); running.Wait() })
}

// crash ends the worker as kill -9 does: whatever it is at, nothing that it does
// from now on reaches the database.
func (w *world) crash() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(w.stop)
}

// text brings the next text of a ride's customer to BirdCar.
func (w *world) text(ride int) string {
	w.t.Helper()
	w.texts++
	body := fmt.Sprintf("text %d", w.texts)
	w.textOf(ride, body)
	return body
}

func (w *world) textOf(ride int, body string) {
	w.t.Helper()
	r := w.rides[ride]
	err := w.exchange.RelayText(context.Background(), masking.Text{CarrierID: fmt.Sprintf("in-%d-%s", ride, body[:min(len(body), 20)]),
		From: r.Customer.Number, To: r.Proxy.Number, Body: body}, exchange.Proof{})
	if err != nil {
		w.t.Fatal(err)
	}
}

// settled waits until nothing is waiting or being sent; giveUp and a day at most.
func (w *world) settled() {
	w.t.Helper()
	for began := time.Now(); ; time.Sleep(100*time.Millisecond + time.Since(began)/20) { // in the bubble: until all else stands still
		b, err := w.store.Backlog(context.Background())
		if err != nil {
			w.t.Fatal(err)
		}
		if b.Waiting == 0 {
			return
		}
		if time.Since(began) > 2*giveUp {
			w.t.Fatalf("%d messages still wait", b.Waiting)
		}
	}
}

// message is the only relayed message of a ride.
func (w *world) message(ride int) masking.Message {
	w.t.Helper()
	conversation, err := w.store.Conversation(context.Background(), w.rides[ride].ID)
	if err != nil {
		w.t.Fatal(err)
	}
	var found []masking.Message
	for _, m := range conversation {
		if m.Kind == masking.Relaying {
			found = append(found, m)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d relayed messages, want 1", len(found))
	}
	return found[0]
}

// carrier is MessageBird as the outbox sees it.
type carrier struct {
	mu     sync.Mutex
	answer func(m masking.Message, try int) reply // nil: takes everything
	find   func(m masking.Message) error          // nil: the list works
	lag    time.Duration                          // of the list
	tries  []moment
	taken  []moment
	asked  []time.Time
}

// reply is what a carrier does with a message: whether it takes it, at once or
// late, how long it needs to answer, and what it says.
type reply struct {
	taken bool
	late  bool // taken when it answers, which it does even if nobody waits any more
	after time.Duration
	err   error
}

// moment is a message at a time.
type moment struct {
	m  masking.Message
	at time.Time
}

func newCarrier() *carrier { return &carrier{} }

var ok = reply{taken: true}

func failing(outcome masking.Outcome, code int) reply {
	return reply{err: &masking.CarrierError{Outcome: outcome, Code: code, Reason: "as the test says"}}
}

func (c *carrier) Send(ctx context.Context, m masking.Message) (string, error) {
	c.mu.Lock()
	c.tries = append(c.tries, moment{m, time.Now()})
	n := 0
	for _, t := range c.tries {
		if t.m.ID == m.ID {
			n++
		}
	}
	r := ok
	if c.answer != nil {
		r = c.answer(m, n)
	}
	if r.taken && !r.late {
		c.taken = append(c.taken, moment{m, time.Now()})
	}
	c.mu.Unlock()
	if r.late {
		defer func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.taken = append(c.taken, moment{m, time.Now()})
		}()
	}
	select {
	case <-time.After(r.after):
	case <-ctx.Done():
		return "", &masking.CarrierError{Outcome: masking.Unknown, Reason: "no answer in time"}
	}
	return "carrier-" + m.Reference, r.err
}

func (c *carrier) Find(_ context.Context, m masking.Message) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, time.Now())
	if c.find != nil {
		if err := c.find(m); err != nil {
			return "", err
		}
	}
	for _, t := range c.taken { // MessageBird lists by reference and recipient
		if t.m.Reference == m.Reference && t.m.To == m.To && time.Since(t.at) >= c.lag {
			return "carrier-" + m.Reference, nil
		}
	}
	return "", masking.ErrNotFound
}

// set changes what the carrier does from now on.
func (c *carrier) set(answer func(m masking.Message, try int) reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func (c *carrier) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tries, c.taken, c.asked = nil, nil, nil
}

// bodies are the texts that reached somebody, in their order.
func (c *carrier) bodies(to masking.Number) (bodies []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.taken {
		if t.m.To == to {
			bodies = append(bodies, t.m.Body)
		}
	}
	return bodies
}

func (c *carrier) tried() []moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]moment(nil), c.tries...)
}

func (c *carrier) took() []moment {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]moment(nil), c.taken...)
}

// once fails when something reached the carrier twice.
func (c *carrier) once(t *testing.T) {
	t.Helper()
	times := map[string]int{}
	for _, taken := range c.took() {
		if times[taken.m.Reference]++; times[taken.m.Reference] == 2 {
			t.Errorf("%q was sent twice", taken.m.Body)
		}
	}
}

var errUnexpected = errors.New("an error that the carrier's contract does not know")
