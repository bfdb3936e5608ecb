package exchange_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// fail lets all that waits for its turn fail, and returns it.
func (w *town) fail(t *testing.T) (failed []masking.Message) {
	t.Helper()
	for _, m := range w.claim(t) {
		if err := w.FailMessage(context.Background(), m, 9, "MessageBird refused the recipient (code 9)."); err != nil {
			t.Fatal(err)
		}
		failed = append(failed, m)
	}
	return failed
}

// newPhone gives somebody another phone.
func (w *town) newPhone(t *testing.T, p masking.Party, typed string) {
	t.Helper()
	if _, err := w.ChangeParty(context.Background(), p.Role, p.ID, p.Name, typed); err != nil {
		t.Fatal(err)
	}
}

func (w *town) failedList(t testing.TB) []masking.Message {
	t.Helper()
	list, err := w.store.FailedMessages(context.Background(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	b, err := w.store.Backlog(context.Background())
	if err != nil || int(b.Failed) != len(list) {
		t.Errorf("%d failed messages are counted and %d listed, %v", b.Failed, len(list), err)
	}
	return list
}

func TestSendAgain(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		m := w.text(t, "1", ride.Customer.Number, ride.Proxy.Number, "Where are you?")[0]
		if err := w.SendAgain(ctx, m.ID); err == nil {
			t.Error("a message that still waits was sent again")
		}
		w.fail(t)
		w.leave(t) // the notice
		if list := w.failedList(t); len(list) != 1 || list[0].ID != m.ID || list[0].Reason == "" {
			t.Fatalf("the list of failed messages is %+v", list)
		}

		w.told()
		for range 2 { // a double click
			if err := w.SendAgain(ctx, m.ID); err != nil {
				t.Fatal(err)
			}
		}
		again := w.enqueued(t)
		reachesOnly(t, again, masking.Relaying, ride.Proxy.Number, ride.Driver.Number, "Where are you?")
		if again[0].CauseID != m.ID || again[0].Reference == m.Reference {
			t.Errorf("sent again as %+v", again[0])
		}
		if list := w.failedList(t); len(list) != 0 {
			t.Errorf("what was sent again is still on the list: %+v", list)
		}

		w.fail(t) // again, and the sender was told before
		if list := w.failedList(t); len(list) != 1 || list[0].ID != again[0].ID {
			t.Errorf("what failed again is not on the list, but %+v", list)
		}
		if notices := w.notices(t, ride); len(notices) != 1 {
			t.Errorf("%d notices about one text", len(notices))
		}
		if err := w.SendAgain(ctx, again[0].ID); err != nil {
			t.Error(err)
		}
		if left := w.leave(t); len(left) != 1 || left[0].Body != "Where are you?" {
			t.Errorf("%+v left", left)
		}
		if err := w.SendAgain(ctx, 12345); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("a message that does not exist: %v", err)
		}
		inbound := w.conversation(t, ride)[2]
		refused(t, w.SendAgain(ctx, inbound.ID), "message")
	})
}

// Only the parts of a text that failed are sent again, in order.
func TestSendAgain_Parts(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ride := pairUp(t, w)
		parts := w.text(t, "long", ride.Customer.Number, ride.Proxy.Number, strings.Repeat("All work and no play makes Jack a dull boy. ", 100))
		w.sent(t, w.claim(t)[0])
		w.fail(t) // the second, and with it those behind it
		w.leave(t)
		w.told()
		if err := w.SendAgain(context.Background(), parts[3].ID); err != nil {
			t.Fatal(err)
		}
		again := w.enqueued(t)
		if len(again) != 3 {
			t.Fatalf("%d messages, want the 3 that failed", len(again))
		}
		for i, m := range again {
			if m.Body != parts[i+1].Body || m.Part != i+1 {
				t.Errorf("message %d is part %d", i, m.Part)
			}
		}
	})
}

// Nor does a text go out with a hole in it that was sent again, however often.
func TestSendAgain_PartsFailAgain(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		parts := w.text(t, "long", ride.Customer.Number, ride.Proxy.Number, strings.Repeat("All work and no play makes Jack a dull boy. ", 100))
		for round := range 3 {
			w.fail(t) // the first, and with it those behind it
			w.leave(t)
			failed := 0
			for _, m := range w.conversation(t, ride) {
				switch {
				case m.Kind == masking.Relaying && m.State == masking.Failed:
					failed++
				case m.Kind == masking.Relaying:
					t.Fatalf("round %d: part %d is %s, although the first failed", round, m.Part, m.State)
				}
			}
			if failed != (round+1)*len(parts) {
				t.Fatalf("round %d: %d messages failed, want all parts each time", round, failed)
			}
			w.told()
			if err := w.SendAgain(ctx, parts[round].ID); err != nil { // of whichever part and round
				t.Fatal(err)
			}
			if again := w.enqueued(t); len(again) != len(parts) {
				t.Fatalf("round %d: %d messages are sent again, want all %d parts", round, len(again), len(parts))
			}
		}
		left := w.leave(t)
		if len(left) != len(parts) {
			t.Errorf("%d parts left, want %d", len(left), len(parts))
		}
		if notices := w.notices(t, ride); len(notices) != 1 {
			t.Errorf("%d notices about one text", len(notices))
		}
	})
}

// Whoever wrote a text may have another phone when it fails.
func TestSendAgain_SenderChangedPhones(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		w.text(t, "1", ride.Customer.Number, ride.Proxy.Number, "hi")
		m := w.claim(t)[0]
		if _, err := w.ChangeParty(ctx, masking.Customer, ride.Customer.ID, "Ada", "07700 900199"); err != nil {
			t.Fatal(err)
		}
		w.told()
		if err := w.FailMessage(ctx, m, 9, "refused"); err != nil {
			t.Fatal(err)
		}
		for _, told := range w.enqueued(t) {
			if told.ID != m.ID {
				reachesOnly(t, []masking.Message{told}, masking.NotDelivered, ride.Proxy.Number, phone(t, "07700 900199"), masking.TextFailed)
			}
		}
		w.leave(t)
		w.told()
		if err := w.SendAgain(ctx, m.ID); err != nil {
			t.Fatal(err)
		}
		reachesOnly(t, w.enqueued(t), masking.Relaying, ride.Proxy.Number, ride.Driver.Number, "hi")
	})
}

func TestSendAllAgain(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		over := w.ride(t, w.customer(t, "Cy", "07700 900102"), w.driver(t, "Dee", "07700 900202"))
		w.leave(t)
		for _, body := range []string{"one", "two", "three"} {
			w.text(t, body, ride.Customer.Number, ride.Proxy.Number, body)
			w.fail(t)
			w.leave(t)
		}
		w.text(t, "too late", over.Customer.Number, over.Proxy.Number, "too late")
		w.fail(t)
		w.leave(t)
		w.release(t, over)
		for range 2 {
			w.told()
			sent, refused, err := w.SendAllAgain(ctx)
			again := w.enqueued(t)
			if err != nil || sent != len(again) || refused != 1 {
				t.Errorf("%d sent, %d refused, %v; %d were enqueued", sent, refused, err, len(again))
			}
		}
		left := w.leave(t)
		if len(left) != 3 || left[0].Body != "one" || left[1].Body != "two" || left[2].Body != "three" {
			t.Errorf("left in the order %+v", left)
		}
		if list := w.failedList(t); len(list) != 1 || list[0].Body != "too late" {
			t.Errorf("the list of failed messages is %+v", list)
		}
	})
}

// A text sent again goes where a new one would go: to the person's phone of today,
// or to nobody once the ride is over.
func TestSendAgain_WhereItGoes(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		ride := pairUp(t, w)
		w.text(t, "1", ride.Customer.Number, ride.Proxy.Number, "hi")
		m := w.fail(t)[0]
		w.leave(t)
		if _, err := w.ChangeParty(ctx, masking.Driver, ride.Driver.ID, "Bob", "07700 900299"); err != nil {
			t.Fatal(err)
		}
		w.told()
		if err := w.SendAgain(ctx, m.ID); err != nil {
			t.Fatal(err)
		}
		reachesOnly(t, w.enqueued(t), masking.Relaying, ride.Proxy.Number, phone(t, "07700 900299"), "hi")
		again := w.fail(t)[0]
		w.leave(t)
		w.release(t, ride)
		refused(t, w.SendAgain(ctx, again.ID), "message")
	})
}

func TestConfirmAgain(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		refused(t, w.ConfirmAgain(ctx, ride.ID, masking.Driver), "message")
		w.fail(t)
		refused(t, w.ConfirmAgain(ctx, ride.ID, masking.Driver), "message")
		w.clock.Move(time.Minute)
		w.told()
		if err := w.ConfirmAgain(ctx, ride.ID, masking.Driver); err != nil {
			t.Fatal(err)
		}
		reachesOnly(t, w.enqueued(t), masking.Confirming, ride.Proxy.Number, ride.Driver.Number,
			masking.Confirmation(masking.Driver, "Ada", ride.At.In(time.UTC)))
		if list := w.failedList(t); len(list) != 1 || list[0].To != ride.Customer.Number {
			t.Errorf("the list of failed messages is %+v, want the customer's confirmation", list)
		}
		refused(t, w.ConfirmAgain(ctx, ride.ID, masking.Driver), "message")
		w.leave(t)
		w.clock.Move(time.Minute)
		if err := w.ConfirmAgain(ctx, ride.ID, masking.Driver); err != nil { // one that arrived may be lost in a phone
			t.Error(err)
		}
		w.release(t, ride)
		w.clock.Move(time.Minute)
		refused(t, w.ConfirmAgain(ctx, ride.ID, masking.Customer), "message")
		if err := w.ConfirmAgain(ctx, 12345, masking.Customer); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("a ride that does not exist: %v", err)
		}
	})
}

// swapPhones gives the driver another phone, and the customer the one that the driver had.
func (w *town) swapPhones(t *testing.T, ride masking.Ride) {
	t.Helper()
	w.newPhone(t, ride.Driver, "07700 900299")
	w.newPhone(t, ride.Customer, ride.Driver.Number.E164())
}

// What failed is for the person that it was for, also when somebody else has their phone by now.
func TestSendAgain_PhonesSwapped(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		confirmed := w.fail(t)
		w.text(t, "1", ride.Customer.Number, ride.Proxy.Number, "to the driver")
		w.text(t, "2", ride.Driver.Number, ride.Proxy.Number, "to the customer")
		relayed := w.fail(t)
		notices := w.fail(t)
		w.swapPhones(t, ride)
		ada, bob := ride.Driver.Number, phone(t, "07700 900299")
		again := func(m masking.Message, to masking.Number) {
			t.Helper()
			w.told()
			if err := w.SendAgain(ctx, m.ID); err != nil {
				t.Fatal(err)
			}
			reachesOnly(t, w.enqueued(t), m.Kind, ride.Proxy.Number, to, m.Body)
		}
		for round := range 2 {
			again(confirmed[0], ada)
			again(confirmed[1], bob)
			again(relayed[0], bob)
			again(relayed[1], ada)
			if round == 0 {
				again(notices[0], ada)
				again(notices[1], bob)
			}
			if failed := w.fail(t); len(failed) != 2 { // the first of each lane
				t.Fatalf("%d messages failed", len(failed))
			}
			for len(w.fail(t)) > 0 {
			}
		}
	})
}

// Nor is a confirmation sent again because of the other party's.
func TestConfirmAgain_PhonesSwapped(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		confirmed := w.fail(t)
		w.swapPhones(t, ride)
		w.clock.Move(time.Minute)
		for i, to := range []masking.Party{
			{Role: masking.Customer, Number: ride.Driver.Number},
			{Role: masking.Driver, Number: phone(t, "07700 900299")},
		} {
			w.told()
			if err := w.ConfirmAgain(context.Background(), ride.ID, to.Role); err != nil {
				t.Fatal(err)
			}
			again := w.enqueued(t)
			reachesOnly(t, again, masking.Confirming, ride.Proxy.Number, to.Number, confirmed[i].Body)
			if again[0].CauseID != confirmed[i].ID {
				t.Errorf("the confirmation to the %s repeats message %d, want %d", to.Role, again[0].CauseID, confirmed[i].ID)
			}
		}
		if list := w.failedList(t); len(list) != 0 {
			t.Errorf("what was sent again is still on the list: %+v", list)
		}
	})
}

// pairedBefore is a town with a ride from before texts told whom they are for. Its confirmations
// have failed, and a text of each party to the other, the customer's first.
func pairedBefore(t *testing.T, w *town) (ride masking.Ride, confirmed, relayed []masking.Message) {
	t.Helper()
	ride = masking.Ride{Proxy: w.number(t, "07700 900901"), At: w.clock.Now().Add(time.Hour), Due: w.clock.Now().Add(rideLimit),
		Customer: w.customer(t, "Ada", "07700 900101"), Driver: w.driver(t, "Bob", "07700 900201")}
	both := []masking.Party{ride.Customer, ride.Driver}
	err := w.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.AddRide(ctx, &ride); err != nil {
			return err
		}
		for _, to := range both {
			_, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, RideID: ride.ID, From: ride.Proxy.Number, To: to.Number, Body: "See you"}, 0)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	confirmed = w.fail(t)
	err = w.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		for _, from := range both {
			in := masking.Text{CarrierID: from.Name, From: from.Number, To: ride.Proxy.Number, Body: "hi"}
			id, _, err := tx.AddInbound(ctx, store.Received{Text: in, RideID: ride.ID}, masking.Relayed)
			if err != nil {
				return err
			}
			_, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Relaying, RideID: ride.ID, CauseID: id, From: ride.Proxy.Number,
				To: ride.Other(from.Role).Number, Body: "hi"}, 0)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ride, confirmed, w.fail(t)
}

func TestSendAgain_FromBefore(t *testing.T) {
	ctx := context.Background()
	t.Run("the numbers of today tell", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			ride, confirmed, relayed := pairedBefore(t, w)
			notices := w.notices(t, ride)
			if len(notices) != 2 || notices[0].To != ride.Customer.Number || notices[1].To != ride.Driver.Number {
				t.Errorf("told about the texts that failed: %+v", notices)
			}
			for _, m := range append(confirmed, relayed...) {
				w.told()
				if err := w.SendAgain(ctx, m.ID); err != nil {
					t.Fatal(err)
				}
				again := w.enqueued(t)
				reachesOnly(t, again, m.Kind, ride.Proxy.Number, m.To, m.Body)
				if again[0].Role == "" || ride.Party(again[0].Role).Number != m.To {
					t.Errorf("it is for the %q now", again[0].Role)
				}
			}
			w.leave(t)
			w.clock.Move(time.Minute)
			w.told()
			if err := w.ConfirmAgain(ctx, ride.ID, masking.Customer); err != nil {
				t.Fatal(err)
			}
			if again := w.enqueued(t); len(again) != 1 || again[0].CauseID == 0 {
				t.Errorf("confirmed again by %+v", again)
			}
		})
	})
	t.Run("they tell nothing any more", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			ride, confirmed, relayed := pairedBefore(t, w)
			w.leave(t)
			w.swapPhones(t, ride)
			for _, m := range append(confirmed, relayed...) {
				refused(t, w.SendAgain(ctx, m.ID), "message")
			}
			w.clock.Move(time.Minute)
			w.told()
			if err := w.ConfirmAgain(ctx, ride.ID, masking.Customer); err != nil {
				t.Fatal(err)
			}
			again := w.enqueued(t)
			reachesOnly(t, again, masking.Confirming, ride.Proxy.Number, ride.Driver.Number, masking.Confirmation(masking.Customer, "Bob", ride.At.In(time.UTC)))
			if again[0].CauseID != 0 {
				t.Errorf("the customer's confirmation repeats message %d, which may have been the driver's", again[0].CauseID)
			}
		})
	})
}

// A confirmation that was sent again moved with its driver to another phone, from which they
// came back.
func TestConfirmAgain_PhoneChangedBack(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		w.fail(t)
		w.clock.Move(time.Minute)
		if err := w.ConfirmAgain(ctx, ride.ID, masking.Driver); err != nil {
			t.Fatal(err)
		}
		w.newPhone(t, ride.Driver, "07700 900299")
		refused(t, w.ConfirmAgain(ctx, ride.ID, masking.Driver), "message") // it waits, for that phone
		w.leave(t)
		w.clock.Move(time.Minute)
		w.newPhone(t, ride.Driver, "07700 900201")
		w.told()
		if err := w.ConfirmAgain(ctx, ride.ID, masking.Driver); err != nil {
			t.Fatal(err)
		}
		reachesOnly(t, w.enqueued(t), masking.Confirming, ride.Proxy.Number, ride.Driver.Number,
			masking.Confirmation(masking.Driver, "Ada", ride.At.In(time.UTC)))
	})
}

func TestUnroutedTexts(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		number := w.number(t, "07700 900901")
		for _, body := range []string{"one", "two", "three"} {
			w.text(t, body, phone(t, "07700 900777"), number.Number, body)
		}
		first, err := w.store.UnroutedTexts(ctx, 0, 2)
		if err != nil || len(first) != 2 || first[0].Body != "three" || first[1].Body != "two" {
			t.Fatalf("the first page is %+v, %v", first, err)
		}
		second, err := w.store.UnroutedTexts(ctx, first[1].ID, 2)
		if err != nil || len(second) != 1 || second[0].Body != "one" {
			t.Errorf("the second page is %+v, %v", second, err)
		}
		if b, err := w.store.Backlog(ctx); err != nil || b.Unrouted != 3 || b.Waiting != 0 || w.Counts().Unrouted != 3 {
			t.Errorf("the backlog is %+v, %v, counted %+v", b, err, w.Counts())
		}
	})
}
