package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// taking is an outbox that is ready, and keeps what it is handed.
type taking struct {
	mu     sync.Mutex
	handed map[int64]masking.Message
}

func (o *taking) Ready() bool { return true }

func (o *taking) Hand(messages ...masking.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.handed[m.ID] = m
	}
}

// Texts of every kind that come while another is being stored are stored together, and
// each has what it would have had alone.
func TestRelayText_InOneGo(t *testing.T) {
	for name, spoilt := range map[string]bool{"whole": false, "one spoils it": true} {
		t.Run(name, func(t *testing.T) {
			eachTown(t, func(t *testing.T, w *town) { inOneGo(t, w, spoilt) })
		})
	}
}

func inOneGo(t *testing.T, w *town, spoilt bool) {
	w.number(t, "07700 900901")
	w.number(t, "07700 900902")
	var rides []masking.Ride
	for i := range 24 {
		rides = append(rides, w.ride(t, w.customer(t, "Ada", fmt.Sprintf("07700 9001%02d", i)), w.driver(t, "Bob", fmt.Sprintf("07700 9002%02d", i))))
	}
	over := rides[23]
	w.release(t, over)
	w.leave(t)
	w.told()
	out := &taking{handed: map[int64]masking.Message{}}
	w.Exchange.Config.Outbox = out

	ctx := context.Background()
	gone, cancel := context.WithCancel(ctx)
	cancel()
	from := func(ride int, id, body string) masking.Text {
		return masking.Text{CarrierID: id, From: rides[ride].Customer.Number, To: rides[ride].Proxy.Number, Body: body}
	}
	long := strings.Repeat("Two minutes 🚕 ", 100)
	proof := exchange.Proof{ID: "proof", Expires: w.clock.Now().Add(time.Hour)}
	type arrival struct {
		ctx   context.Context
		text  masking.Text
		proof exchange.Proof
	}
	// Before the others come, so that one of them repeats the one and another waits behind the other.
	for _, early := range []masking.Text{from(21, "again", "again"), from(22, "early", "early")} {
		if err := w.RelayText(ctx, early, exchange.Proof{}); err != nil {
			t.Fatal(err)
		}
	}
	arrivals := []arrival{
		{ctx, from(21, "again", "again"), exchange.Proof{}},
		{ctx, from(1, "one", "first"), exchange.Proof{}}, {ctx, from(1, "two", "second"), exchange.Proof{}},
		{ctx, from(2, "thrice", "hi"), exchange.Proof{}}, {ctx, from(2, "thrice", "hi"), exchange.Proof{}}, {ctx, from(2, "thrice", "hi"), exchange.Proof{}},
		{ctx, from(3, "long", long), exchange.Proof{}},
		{ctx, masking.Text{CarrierID: "stranger", From: phone(t, "07700 900777"), To: rides[1].Proxy.Number, Body: "hello?"}, exchange.Proof{}},
		{ctx, from(23, "late", "still there?"), exchange.Proof{}},
		{ctx, masking.Text{CarrierID: "loop", From: rides[1].Proxy.Number, To: rides[1].Proxy.Number, Body: "hello me"}, exchange.Proof{}},
		{ctx, from(4, "proven", "proven"), proof}, {ctx, from(5, "replayed", "replayed"), proof},
		{gone, from(6, "gone", "gone"), exchange.Proof{}},
		{ctx, from(7, "shared", "from the customer"), exchange.Proof{}},
		{ctx, masking.Text{CarrierID: "shared", From: rides[7].Driver.Number, To: rides[7].Proxy.Number, Body: "from the driver"}, exchange.Proof{}},
	}
	for _, i := range []int{8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22} {
		arrivals = append(arrivals, arrival{ctx, from(i, fmt.Sprint("plain-", i), fmt.Sprint("body ", i)), exchange.Proof{}})
	}
	if spoilt { // PostgreSQL takes no such text
		arrivals = append(arrivals, arrival{ctx, from(22, "nul", "a\x00b"), exchange.Proof{}})
	}

	// The first one cannot be stored for a while, so that the others gather.
	var running sync.WaitGroup
	held, free := make(chan struct{}), make(chan struct{})
	holding := sync.OnceFunc(func() { close(held) })
	running.Go(func() {
		err := w.store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			err := tx.LockLanes(ctx, []masking.Route{{PeerNumber: rides[0].Proxy.Number, Peer: rides[0].Driver.Number}})
			holding()
			<-free
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	running.Go(func() {
		if err := w.RelayText(ctx, from(0, "zero", "the first"), exchange.Proof{}); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(50 * time.Millisecond)
	errs := make([]error, len(arrivals))
	for i, a := range arrivals {
		running.Go(func() { errs[i] = w.RelayText(a.ctx, a.text, a.proof) })
	}
	time.Sleep(50 * time.Millisecond)
	close(free)
	running.Wait()

	replayed := 0
	for i, a := range arrivals {
		switch {
		case a.proof.ID != "" && errors.Is(errs[i], exchange.ErrReplayed):
			replayed++
		case a.ctx == gone:
			if !errors.Is(errs[i], context.Canceled) {
				t.Errorf("who had gone got %v", errs[i])
			}
		case errs[i] != nil && a.text.CarrierID != "nul":
			t.Errorf("%s: %v", a.text.CarrierID, errs[i])
		}
	}
	if replayed != 1 {
		t.Errorf("one proof was refused %d times of 2, want 1", replayed)
	}
	// What each ride has is checked by what its parties would see.
	relayed := func(ride int, bodies ...string) {
		t.Helper()
		r := rides[ride]
		var texts, sent []masking.Message
		for _, m := range w.conversation(t, r) {
			switch m.Kind {
			case masking.Inbound:
				texts = append(texts, m)
			case masking.Relaying:
				sent = append(sent, m)
			}
		}
		var joined, want []string
		for _, m := range sent {
			joined = append(joined, m.Body)
			if m.From != r.Proxy.Number || m.To != r.Driver.Number {
				t.Errorf("ride %d: relayed from %s to %s", ride, m.From.E164(), m.To.E164())
			}
			first := m.ID == sent[0].ID
			handed, was := out.handed[m.ID]
			if was != first || first != (m.State == masking.Sending) || was && (handed.Body != m.Body || handed.To != m.To || handed.Reference != m.Reference ||
				!handed.Due.Equal(m.Due) || handed.CauseID != m.CauseID || handed.RideID != r.ID) {
				t.Errorf("ride %d: message %d is %s, handed over %v as %+v", ride, m.ID, m.State, was, handed)
			}
		}
		for _, body := range bodies {
			want = append(want, masking.Split(body)...)
		}
		slices.Sort(joined) // who came first of those that came together is open
		slices.Sort(want)
		if len(texts) != len(bodies) || !slices.Equal(joined, want) {
			t.Errorf("ride %d: %d texts, relayed %q; want %q", ride, len(texts), joined, want)
		}
	}
	relayed(0, "the first")
	relayed(1, "first", "second")
	relayed(2, "hi")
	relayed(3, long)
	switch four, five := len(w.conversation(t, rides[4])), len(w.conversation(t, rides[5])); { // a confirmation is for each party
	case four > five:
		relayed(4, "proven")
		relayed(5)
	default:
		relayed(4)
		relayed(5, "replayed")
	}
	relayed(6)
	if seven := len(w.conversation(t, rides[7])); seven != len(w.conversation(t, rides[6]))+2 {
		t.Errorf("of two texts with one id %d messages are left, want the text and what forwards it", seven)
	}
	for i := 8; i < 21; i++ {
		relayed(i, fmt.Sprint("body ", i))
	}
	relayed(21, "again")
	if !spoilt {
		relayed(22, "early", "body 22")
	}
	if c := w.Counts(); c.Unrouted != 2 || c.Repeated != 4 {
		t.Errorf("counted %+v, want 2 that nobody could get, and 4 repeats", c)
	}
	told := 0
	for _, m := range w.conversation(t, over) {
		if m.Kind == masking.RideOver && m.To == over.Customer.Number {
			told++
		}
	}
	if told != 1 {
		t.Errorf("who came late was told so %d times, want 1", told)
	}
}

// Callers of every kind who call at once each get what they would have alone, also when
// the question about all of them fails.
func TestRouteCall_AtOnce(t *testing.T) {
	for name, spoilt := range map[string]error{"whole": nil, "spoilt": errors.New("spoilt")} {
		t.Run(name, func(t *testing.T) {
			eachTown(t, func(t *testing.T, w *town) { callAtOnce(t, w, spoilt) })
		})
	}
}

// A question that took all the time there is to answer is not asked again by each of its callers.
func TestRouteCall_TooLate(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		w.connects(t, ride.Customer.Number, ride.Proxy.Number, ride.Driver.Number)
		w.SpoilCalls(fmt.Errorf("the database: %w", context.DeadlineExceeded))
		w.says(t, ride.Customer.Number, ride.Proxy.Number, masking.SayUnavailable)
	})
}

func callAtOnce(t *testing.T, w *town, spoilt error) {
	type caller struct {
		from, to masking.Number
		want     masking.CallFlow
	}
	one, two := w.number(t, "07700 900901"), w.number(t, "07700 900902")
	callers := []caller{
		{phone(t, "07700 900666"), one.Number, masking.CallFlow{Say: masking.SayUnknown}},
		{one.Number, two.Number, masking.CallFlow{Say: masking.SayUnknown}},
		{masking.Number{}, one.Number, masking.CallFlow{Say: masking.SayUnknown}},
	}
	for i := range 20 {
		ride := w.ride(t, w.customer(t, "Ada", fmt.Sprintf("07700 9001%02d", i)), w.driver(t, "Bob", fmt.Sprintf("07700 9002%02d", i)))
		customer, driver := masking.CallFlow{Transfer: ride.Driver.Number}, masking.CallFlow{Transfer: ride.Customer.Number}
		if i < 5 {
			w.release(t, ride)
			customer = masking.CallFlow{Say: masking.SayEnded}
			driver = customer
		}
		callers = append(callers, caller{ride.Customer.Number, ride.Proxy.Number, customer}, caller{ride.Driver.Number, ride.Proxy.Number, driver})
	}
	times := 10
	if spoilt != nil { // each asks for itself then, and so many would have a slow machine answer too late
		w.SpoilCalls(spoilt)
		times = 2
	}
	start := make(chan struct{})
	var calling sync.WaitGroup
	for _, c := range slices.Repeat(callers, times) {
		calling.Go(func() {
			<-start
			got, err := w.RouteCall(context.Background(), masking.Call{From: c.from, To: c.to}, exchange.Proof{})
			if err != nil || got != c.want {
				t.Errorf("%s dials %s: got %s %q, %v; want %s %q", c.from.E164(), c.to.E164(), got.Transfer.E164(), got.Say, err, c.want.Transfer.E164(), c.want.Say)
			}
		})
	}
	close(start)
	calling.Wait()
}
