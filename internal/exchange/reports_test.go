package exchange_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

func (w *town) report(t testing.TB, m masking.Message, state masking.MessageState) {
	t.Helper()
	r := masking.Report{CarrierID: "carrier-" + m.Reference, Reference: m.Reference, State: state}
	if state == masking.Failed {
		r.Code, r.Reason = 1, "No phone has this number."
	}
	if err := w.TakeReport(context.Background(), r, exchange.Proof{}); err != nil {
		t.Fatalf("report %s: %v", state, err)
	}
}

// Reports come in any order and more than once; the first final one counts.
func TestTakeReport_Orders(t *testing.T) {
	const s, d, f = masking.Sent, masking.Delivered, masking.Failed
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		for i, test := range []struct {
			early, late []masking.MessageState // before and after the carrier's answer to the sending
			want        masking.MessageState
		}{
			{nil, nil, s},
			{nil, []masking.MessageState{s, d}, d},
			{nil, []masking.MessageState{d, s}, d},
			{nil, []masking.MessageState{d, d, s, d}, d},
			{nil, []masking.MessageState{s, f, d}, f},
			{nil, []masking.MessageState{d, f}, d},
			{[]masking.MessageState{s}, nil, s},
			{[]masking.MessageState{d}, nil, d},
			{[]masking.MessageState{f}, nil, f},
			{[]masking.MessageState{s}, []masking.MessageState{d, s}, d},
			{[]masking.MessageState{f}, []masking.MessageState{d, s, f}, f},
		} {
			m := w.text(t, string(rune('a'+i)), ride.Customer.Number, ride.Proxy.Number, "hi")[0]
			for _, claimed := range w.claim(t) {
				if claimed.ID == m.ID {
					m = claimed
				}
			}
			for _, state := range test.early {
				w.report(t, m, state)
			}
			if len(test.early) == 0 {
				w.sent(t, m)
			}
			for _, state := range test.late {
				w.report(t, m, state)
			}
			if got := w.state(t, m.ID); got.State != test.want || got.Settled.IsZero() != (test.want == s) || got.SentAt.IsZero() {
				t.Errorf("after %v and %v: %s, settled %v, sent %v; want %s", test.early, test.late, got.State, got.Settled, got.SentAt, test.want)
			}
			w.leave(t)
		}
	})
}

func TestTakeReport_FindsItsMessage(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		m := w.text(t, "in-1", ride.Customer.Number, ride.Proxy.Number, "hi")[0]
		w.leave(t)
		for name, test := range map[string]struct {
			report masking.Report
			known  bool
		}{
			"neither":                   {masking.Report{CarrierID: "?", Reference: "?"}, false},
			"another's reference":       {masking.Report{CarrierID: "?", Reference: "birdcar-0000000000-1"}, false},
			"a reference beyond all":    {masking.Report{CarrierID: "?", Reference: strings.TrimRight(m.Reference, "0123456789") + "99999999999999999999"}, false},
			"a reference without an id": {masking.Report{Reference: strings.TrimRight(m.Reference, "0123456789")}, false},
			"an inbound text's id":      {masking.Report{CarrierID: "in-1"}, false},
			"the carrier's id alone":    {masking.Report{CarrierID: "carrier-" + m.Reference}, true},
			"our reference alone":       {masking.Report{Reference: m.Reference}, true},
		} {
			before := w.Counts()
			test.report.State = masking.Sent
			err := w.TakeReport(context.Background(), test.report, exchange.Proof{})
			if (err == nil) != test.known || err != nil && !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("%s: got %v, known: %v", name, err, test.known)
			}
			after := w.Counts()
			if after.Reports-before.Reports != 1 || (after.UnknownReports-before.UnknownReports == 0) != test.known {
				t.Errorf("%s: counted %+v after %+v", name, after, before)
			}
		}
	})
}

// A signature of a report about nothing lets in one request only, too.
func TestTakeReport_Replayed(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		proof := exchange.Proof{ID: "signed", Expires: w.clock.Now().Add(time.Minute)}
		r := masking.Report{CarrierID: "?", State: masking.Delivered}
		if err := w.TakeReport(context.Background(), r, proof); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("first: %v", err)
		}
		if err := w.TakeReport(context.Background(), r, proof); !errors.Is(err, exchange.ErrReplayed) {
			t.Errorf("again: %v", err)
		}
	})
}

// notices are what senders were told about texts that failed.
func (w *town) notices(t testing.TB, ride masking.Ride) (notices []masking.Message) {
	t.Helper()
	return slices.DeleteFunc(w.conversation(t, ride), func(m masking.Message) bool { return m.Kind != masking.NotDelivered })
}

func TestFailure_TellsTheSenderOnce(t *testing.T) {
	long := strings.Repeat("All work and no play makes Jack a dull boy. ", 100)
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		told := func(what string, want int) {
			t.Helper()
			notices := w.notices(t, ride)
			if len(notices) != want {
				t.Fatalf("%s: %d notices, want %d", what, len(notices), want)
			}
			if last := notices[want-1]; last.From != ride.Proxy.Number || last.To != ride.Customer.Number || last.Body != "Your message could not be delivered." {
				t.Errorf("%s: told %v %q from %v", what, last.To, last.Body, last.From)
			}
		}

		w.text(t, "refused", ride.Customer.Number, ride.Proxy.Number, "refused")
		m := w.claim(t)[0]
		for range 2 {
			if err := w.FailMessage(ctx, m, 9, "MessageBird refused the recipient (code 9)."); err != nil {
				t.Fatal(err)
			}
		}
		if got := w.state(t, m.ID); got.State != masking.Failed || got.Code != 9 || got.Reason == "" {
			t.Errorf("the message is %s: %d %q", got.State, got.Code, got.Reason)
		}
		told("a text that the carrier refuses", 1)

		parts := w.text(t, "long", ride.Customer.Number, ride.Proxy.Number, long)
		w.leave(t)
		for _, part := range parts {
			w.report(t, part, masking.Failed)
			w.report(t, part, masking.Failed)
		}
		told("a long text, each part of which failed", 2)

		parts = w.text(t, "refused in parts", ride.Customer.Number, ride.Proxy.Number, long)
		after := w.text(t, "behind it", ride.Customer.Number, ride.Proxy.Number, "behind it")[0]
		for _, m := range w.claim(t) {
			if m.ID == parts[0].ID {
				if err := w.FailMessage(ctx, m, 10, "MessageBird refused the text (code 10)."); err != nil {
					t.Fatal(err)
				}
			} else {
				w.sent(t, m)
			}
		}
		told("a long text, whose first part was refused", 3)
		for _, part := range parts {
			if got := w.state(t, part.ID); got.State != masking.Failed || got.Reason == "" {
				t.Errorf("part %d is %s %q, want failed with its first part", part.Part, got.State, got.Reason)
			}
		}
		left := w.leave(t)
		if !slices.ContainsFunc(left, func(m masking.Message) bool { return m.ID == after.ID }) {
			t.Error("the text behind the failed one never left")
		}

		for _, notice := range w.notices(t, ride) {
			w.report(t, notice, masking.Failed)
		}
		told("notices that fail themselves", 3)
	})
}

// The report that a text failed comes when its ride is closed and another has its number: who
// wrote it would answer there.
func TestFailure_AfterItsRide(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		m := w.text(t, "in-1", ride.Customer.Number, ride.Proxy.Number, "hi")[0]
		w.leave(t)
		w.release(t, ride)
		next := w.ride(t, ride.Customer, w.driver(t, "Another", "07700 900250"))
		if next.Proxy.Number != ride.Proxy.Number {
			t.Fatal("the next ride has another number")
		}
		w.told()
		w.report(t, m, masking.Failed)
		if got := w.state(t, m.ID); got.State != masking.Failed {
			t.Errorf("the text is %s, want failed", got.State)
		}
		if notices := append(w.notices(t, ride), w.notices(t, next)...); len(notices) > 0 {
			t.Errorf("told %+v", notices)
		}
	})
}

// The addressee changed phones between two parts of a text, of which the first fails. What waits behind
// the others, at the new phone, goes on.
func TestFailure_OfAPartBeforeTheLane(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		parts := w.text(t, "long", ride.Customer.Number, ride.Proxy.Number, strings.Repeat("All work and no play makes Jack a dull boy. ", 100))
		w.text(t, "behind", ride.Customer.Number, ride.Proxy.Number, "Where are you?")
		w.sent(t, w.claim(t)[0]) // the first part; the rest waits
		if _, err := w.ChangeParty(ctx, masking.Driver, ride.Driver.ID, "Bob", "07700 900299"); err != nil {
			t.Fatal(err)
		}
		if err := w.TakeReport(ctx, masking.Report{Reference: parts[0].Reference, State: masking.Failed}, exchange.Proof{}); err != nil {
			t.Fatal(err)
		}
		left := w.leave(t)
		if len(left) != 2 || left[0].Body != "Where are you?" && left[1].Body != "Where are you?" {
			t.Errorf("left: %+v; want what was behind, and the notice", left)
		}
		if waiting, err := w.store.WaitingMessages(ctx, 100); err != nil || len(waiting) > 0 {
			t.Errorf("%+v wait for ever, %v", waiting, err)
		}
	})
}

// Whoever wrote a text is told that it failed, not who has their phone by now, or who had it.
func TestFailure_PhonesSwapped(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		long := strings.Repeat("All work and no play makes Jack a dull boy. ", 100)
		var sent []masking.Message
		for _, from := range []masking.Party{ride.Customer, ride.Driver} {
			sent = append(sent, w.text(t, "hi "+from.Name, from.Number, ride.Proxy.Number, "hi")[0])
			sent = append(sent, w.text(t, "long "+from.Name, from.Number, ride.Proxy.Number, long)[0])
		}
		w.leave(t)
		w.swapPhones(t, ride)
		for i, m := range sent {
			w.told()
			w.report(t, m, masking.Failed)
			told := slices.DeleteFunc(w.enqueued(t), func(m masking.Message) bool { return m.Kind != masking.NotDelivered })
			reachesOnly(t, told, masking.NotDelivered, ride.Proxy.Number,
				[]masking.Number{ride.Driver.Number, phone(t, "07700 900299")}[i/2], masking.TextFailed)
		}
	})
}

// One from before texts told who wrote them is told to nobody, once a phone was changed.
func TestFailure_FromBefore(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		var m masking.Message
		err := w.store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			in := masking.Text{CarrierID: "1", From: ride.Customer.Number, To: ride.Proxy.Number, Body: "hi"}
			id, _, err := tx.AddInbound(ctx, store.Received{Text: in, RideID: ride.ID}, masking.Relayed)
			if err != nil {
				return err
			}
			m, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Relaying, RideID: ride.ID, CauseID: id, From: ride.Proxy.Number, To: ride.Driver.Number, Body: "hi"}, 0)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		w.leave(t)
		w.swapPhones(t, ride)
		w.report(t, m, masking.Failed)
		if notices := w.notices(t, ride); len(notices) != 0 {
			t.Errorf("nobody can tell who wrote it, and these are told: %+v", notices)
		}
	})
}

// Nobody is told about what nobody wrote: confirmations and notices.
func TestFailure_OfWhatNobodyWrote(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		for _, m := range w.claim(t) {
			if err := w.FailMessage(context.Background(), m, 9, "no"); err != nil {
				t.Fatal(err)
			}
		}
		if notices := w.notices(t, ride); len(notices) != 0 {
			t.Errorf("%d notices about confirmations", len(notices))
		}
	})
}
