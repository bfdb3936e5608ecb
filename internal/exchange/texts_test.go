package exchange_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// pairUp is a town with one ride.
func pairUp(t *testing.T, w *town) masking.Ride {
	t.Helper()
	w.number(t, "07700 900901")
	ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
	w.leave(t)
	return ride
}

// leave lets all that waits for its turn leave, one after another, and returns it.
func (w *town) leave(t *testing.T) (left []masking.Message) {
	t.Helper()
	for {
		claimed := w.claim(t)
		if len(claimed) == 0 {
			return left
		}
		for _, m := range claimed {
			w.sent(t, m)
		}
		left = append(left, claimed...)
	}
}

func (w *town) sent(t testing.TB, m masking.Message) {
	t.Helper()
	err := w.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		m.CarrierID = "carrier-" + m.Reference
		marked, err := tx.MarkSent(ctx, m)
		if err != nil || len(marked) == 0 {
			return fmt.Errorf("message %d: marked %v, %w", m.ID, marked, err)
		}
		_, err = tx.ClaimNext(ctx, 0, m)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (w *town) state(t testing.TB, id int64) masking.Message {
	t.Helper()
	m, err := w.store.Message(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *town) conversation(t testing.TB, ride masking.Ride) []masking.Message {
	t.Helper()
	all, err := w.store.Conversation(context.Background(), ride.ID)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A hundred webhooks bring the same text at once.
func TestRelayText_Together(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		before := len(w.conversation(t, ride))
		text := masking.Text{CarrierID: "once", From: ride.Customer.Number, To: ride.Proxy.Number, Body: "Where are you?"}
		var together sync.WaitGroup
		for range 100 {
			together.Go(func() {
				if err := w.RelayText(context.Background(), text, exchange.Proof{}); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
		if got := len(w.conversation(t, ride)) - before; got != 2 {
			t.Errorf("%d messages were stored, want the text and what forwards it", got)
		}
		if c := w.Counts(); c.Texts != 1 || c.Repeated != 99 {
			t.Errorf("counted %+v, want 1 text and 99 repeats", c)
		}
	})
}

func TestRelayText_Repeated(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		from, to := ride.Customer.Number, ride.Proxy.Number
		for _, test := range []struct {
			name string
			text masking.Text
			new  bool
		}{
			{"the first", masking.Text{CarrierID: "a", From: from, To: to, Body: "hi", Created: "10:00"}, true},
			{"the same", masking.Text{CarrierID: "a", From: from, To: to, Body: "hi", Created: "10:00"}, false},
			{"the same id and another body", masking.Text{CarrierID: "a", From: from, To: to, Body: "bye", Created: "10:00"}, false},
			{"the same id from the other party", masking.Text{CarrierID: "a", From: ride.Driver.Number, To: to, Body: "hi"}, false},
			{"another id and the same body", masking.Text{CarrierID: "b", From: from, To: to, Body: "hi", Created: "10:00"}, true},
			{"no id", masking.Text{From: from, To: to, Body: "hi", Created: "10:00"}, true},
			{"no id, the same", masking.Text{From: from, To: to, Body: "hi", Created: "10:00"}, false},
			{"no id, created later", masking.Text{From: from, To: to, Body: "hi", Created: "10:01"}, true},
			{"no id, another body", masking.Text{From: from, To: to, Body: "hi!", Created: "10:00"}, true},
			{"no id, from the other party", masking.Text{From: ride.Driver.Number, To: to, Body: "hi", Created: "10:00"}, true},
			{"no id, body and time run together", masking.Text{From: from, To: to, Body: "0hi", Created: "10:0"}, true},
		} {
			w.told()
			if err := w.RelayText(context.Background(), test.text, exchange.Proof{}); err != nil {
				t.Errorf("%s: %v", test.name, err)
			}
			enqueued := w.enqueued(t)
			if (len(enqueued) == 1) != test.new || len(enqueued) > 1 {
				t.Errorf("%s: %d messages were enqueued, new: %v", test.name, len(enqueued), test.new)
			}
			if len(enqueued) == 1 && enqueued[0].Body != test.text.Body {
				t.Errorf("%s: forwarded %q", test.name, enqueued[0].Body)
			}
		}
	})
}

// A long text is one in the log and several on the way, in order.
func TestRelayText_Long(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		body := strings.Repeat("Two minutes 🚕 ", 100)
		enqueued := w.text(t, "long", ride.Customer.Number, ride.Proxy.Number, body)
		if len(enqueued) != 3 {
			t.Fatalf("%d messages were enqueued, want 3", len(enqueued))
		}
		var joined strings.Builder
		for i, m := range enqueued {
			joined.WriteString(m.Body)
			if m.Part != i || m.CauseID != enqueued[0].CauseID {
				t.Errorf("message %d is part %d of %d", i, m.Part, m.CauseID)
			}
		}
		if joined.String() != body {
			t.Errorf("joined they read %q", joined.String())
		}
		for i, m := range w.leave(t) {
			if m.ID != enqueued[i].ID {
				t.Errorf("message %d left as number %d", m.ID, i)
			}
		}
	})
}
