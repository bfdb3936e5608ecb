package exchange_test

import (
	"context"
	"fmt"
	"testing"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

func TestAnswersOutsideARide(t *testing.T) {
	ctx := context.Background()
	t.Run("after the release", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			for i := range 2 { // the second ride of the same two is answered anew
				w.release(t, w.ride(t, ada, bob))
				for _, p := range []masking.Party{ada, bob} {
					w.says(t, p.Number, one.Number, masking.SayEnded)
					key := fmt.Sprint(i, p.Role)
					answer := w.text(t, key, p.Number, one.Number, "hello?")
					reachesOnly(t, answer, masking.RideOver, one.Number, p.Number, masking.SayEnded)
					if again := w.text(t, key+"again", p.Number, one.Number, "anybody?"); len(again) != 0 {
						t.Errorf("%s was answered twice for one ride", p.Name)
					}
				}
			}
			w.ride(t, ada, bob)
			reachesOnly(t, w.text(t, "live", ada.Number, one.Number, "hello"), masking.Relaying, one.Number, bob.Number, "hello")
		})
	})
	t.Run("the number is live for others", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			eve, cy := w.customer(t, "Eve", "07700 900102"), w.driver(t, "Cy", "07700 900202")
			w.release(t, w.ride(t, ada, bob))
			w.ride(t, eve, cy)
			w.says(t, ada.Number, one.Number, masking.SayEnded)
			w.connects(t, eve.Number, one.Number, cy.Number)
			reachesOnly(t, w.text(t, "1", ada.Number, one.Number, "my bag"), masking.RideOver, one.Number, ada.Number, masking.SayEnded)
		})
	})
	t.Run("strangers", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob)
			stranger, elsewhere := phone(t, "07700 900666"), phone(t, "07700 900999")
			w.says(t, stranger, one.Number, masking.SayUnknown)
			w.says(t, ada.Number, elsewhere, masking.SayUnknown)
			w.says(t, masking.Number{}, one.Number, masking.SayUnknown)
			for i, text := range []masking.Text{{From: stranger, To: one.Number}, {From: ada.Number, To: elsewhere}} {
				if sent := w.text(t, fmt.Sprint(i), text.From, text.To, "who is this?"); len(sent) != 0 {
					t.Errorf("%s was answered", text.From.E164())
				}
			}
			kept, err := w.store.UnroutedTexts(ctx, 0, 10)
			if err != nil || len(kept) != 2 || kept[1].From != stranger || kept[1].Body != "who is this?" || kept[1].State != masking.Unrouted {
				t.Errorf("kept: %d texts, %v; want both for the admin", len(kept), err)
			}
			talk, err := w.store.Conversation(ctx, ride.ID)
			if err != nil || len(talk) != 2 {
				t.Errorf("the ride has %d texts, %v; want its two confirmations", len(talk), err)
			}
		})
	})
	t.Run("a pool number", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one, two := w.number(t, "07700 900901"), w.number(t, "07700 900902")
			w.told()
			err := w.RelayText(ctx, masking.Text{CarrierID: "1", From: two.Number, To: one.Number, Body: "echo"}, exchange.Proof{})
			if err != nil {
				t.Fatal(err)
			}
			told := w.told()
			if len(told) == 0 {
				t.Fatal("the text left no trace")
			}
			in, err := w.store.Message(ctx, told[0].MessageID)
			if err != nil || in.State != masking.Looped {
				t.Errorf("the text is %s, %v; want it dropped as a loop", in.State, err)
			}
			for _, e := range told {
				if e.Kind == masking.MessageMoved {
					t.Error("something was sent because of it")
				}
			}
			w.says(t, two.Number, one.Number, masking.SayUnknown)
		})
	})
	// No rule lets a party have a number of the pool for a phone. If one ever has, their
	// texts still go round in no circle.
	t.Run("a pool number with a live route", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			ride := w.ride(t, ada, bob)
			two := w.number(t, "07700 900902")
			err := w.store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.MoveRoutes(ctx, ride, ada.Number, two.Number) })
			if err != nil {
				t.Fatal(err)
			}
			if sent := w.text(t, "1", two.Number, one.Number, "echo"); len(sent) != 0 {
				t.Errorf("%d messages were sent because of it", len(sent))
			}
			if kept, err := w.store.UnroutedTexts(ctx, 0, 10); err != nil || len(kept) != 0 {
				t.Errorf("%d texts are kept for the admin, %v; want it dropped as a loop", len(kept), err)
			}
		})
	})
}

// However a number is written, it is the same person.
func TestOddCallers(t *testing.T) {
	ctx := context.Background()
	forms := []string{"+447700900101", "00447700900101", "447700900101", "+44 7700 900101", "0044 7700 900 101",
		" 447700 900101 ", "07700900101", "07700 900101", "(07700) 900-101"}
	eachTown(t, func(t *testing.T, w *town) {
		one := w.number(t, "07700 900901")
		ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
		w.ride(t, ada, bob)
		for i, form := range forms {
			from, err := masking.ParseCarrier(form, "GB")
			if err != nil {
				t.Errorf("%q: %v", form, err)
				continue
			}
			w.connects(t, from, one.Number, bob.Number)
			sent := w.text(t, fmt.Sprint(i), from, one.Number, form)
			reachesOnly(t, sent, masking.Relaying, one.Number, bob.Number, form)
			if typed, err := w.AddParty(ctx, masking.Customer, "Ada too", form); err != nil || typed.Number != ada.Number {
				t.Errorf("%q typed: got %s, %v", form, typed.Number.E164(), err)
			}
			if _, err := w.AddNumber(ctx, form); err == nil {
				t.Errorf("%q was taken as a number of the pool", form)
			}
		}
	})
}
