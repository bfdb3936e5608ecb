package exchange_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// eachTown runs a test in an empty town on each engine.
func eachTown(t *testing.T, test func(t *testing.T, w *town)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) { test(t, newTown(t, s, clock)) })
}

func TestOnePhoneTwice(t *testing.T) {
	t.Run("a customer who also drives", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one, two := w.number(t, "07700 900901"), w.number(t, "07700 900902")
			ada, adaDriving := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Ada", "+44 7700 900101")
			bob, cy := w.driver(t, "Bob", "07700 900201"), w.customer(t, "Cy", "07700 900102")
			riding, driving := w.ride(t, ada, bob), w.ride(t, cy, adaDriving)
			if riding.Proxy.ID != one.ID || driving.Proxy.ID != two.ID {
				t.Fatalf("the rides go through %s and %s, want one each", riding.Proxy.Number.E164(), driving.Proxy.Number.E164())
			}
			w.connects(t, ada.Number, one.Number, bob.Number)
			w.connects(t, ada.Number, two.Number, cy.Number)
			w.connects(t, bob.Number, one.Number, ada.Number)
			w.connects(t, cy.Number, two.Number, ada.Number)
			w.says(t, bob.Number, two.Number, masking.SayUnknown)
			reachesOnly(t, w.text(t, "1", ada.Number, two.Number, "at the door"), masking.Relaying, two.Number, cy.Number, "at the door")
		})
	})
	t.Run("two customers and one driver", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one, two := w.number(t, "07700 900901"), w.number(t, "07700 900902")
			ada, eve := w.customer(t, "Ada", "07700 900101"), w.customer(t, "Eve", "07700 900101")
			bob, cy := w.driver(t, "Bob", "07700 900201"), w.driver(t, "Cy", "07700 900202")
			w.ride(t, ada, bob)
			w.ride(t, eve, cy)
			w.connects(t, ada.Number, one.Number, bob.Number)
			w.connects(t, eve.Number, two.Number, cy.Number)
			if _, err := w.schedule(eve, bob); !errors.Is(err, masking.ErrPoolEmpty) {
				t.Errorf("a third ride of the phone with two numbers: got %v, want ErrPoolEmpty", err)
			}
		})
	})
	t.Run("a ride with oneself", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			w.number(t, "07700 900901")
			_, err := w.schedule(w.customer(t, "Ada", "07700 900101"), w.driver(t, "Ada at work", "0044 7700 900101"))
			refused(t, err, "driver")
			if made := w.enqueued(t); len(made) != 0 {
				t.Errorf("%d texts were sent about a ride that was refused", len(made))
			}
		})
	})
}

func TestPoolNumbersAreNobodysPhone(t *testing.T) {
	ctx := context.Background()
	t.Run("refused on both lists", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			w.number(t, "07700 900901")
			_, err := w.AddParty(ctx, masking.Driver, "Bob", "+44 7700 900901")
			refused(t, err, "number")
			bob := w.driver(t, "Bob", "07700 900201")
			_, err = w.AddNumber(ctx, "0044 7700 900201")
			refused(t, err, "number")
			_, err = w.ChangeParty(ctx, masking.Driver, bob.ID, "Bob", "07700 900901")
			refused(t, err, "number")
		})
	})
	t.Run("a driver whose number is in the pool all the same", func(t *testing.T) {
		clock := storetest.NewClock()
		s := storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), clock.Now)
		w := newTown(t, s, clock)
		w.number(t, "07700 900901")
		ada := w.customer(t, "Ada", "07700 900101")
		loop := masking.Party{Role: masking.Driver, Name: "Loop", Number: phone(t, "07700 900901")}
		if err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddParty(ctx, &loop) }); err != nil {
			t.Fatal(err)
		}
		_, err := w.schedule(ada, loop)
		refused(t, err, "driver")
	})
}

func TestChangeParty(t *testing.T) {
	ctx := context.Background()
	change := func(w *town, p masking.Party, number string) error {
		_, err := w.ChangeParty(ctx, p.Role, p.ID, p.Name, number)
		return err
	}
	t.Run("live rides and waiting texts move, and no others", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one, two := w.number(t, "07700 900901"), w.number(t, "07700 900902")
			ada, twin := w.customer(t, "Ada", "07700 900101"), w.customer(t, "Ada's son", "07700 900101")
			bob, cy := w.driver(t, "Bob", "07700 900201"), w.driver(t, "Cy", "07700 900202")
			w.ride(t, ada, bob)
			w.ride(t, twin, cy)
			relayed := w.text(t, "1", bob.Number, one.Number, "here")
			w.connects(t, ada.Number, one.Number, bob.Number)
			old, now := ada.Number, phone(t, "07700 900109")
			if err := change(w, ada, "07700 900109"); err != nil {
				t.Fatal(err)
			}
			w.connects(t, now, one.Number, bob.Number)
			w.connects(t, bob.Number, one.Number, now)
			w.says(t, old, one.Number, masking.SayUnknown)
			w.connects(t, old, two.Number, cy.Number)
			w.connects(t, cy.Number, two.Number, old)
			reachesOnly(t, w.text(t, "2", bob.Number, one.Number, "still here"), masking.Relaying, one.Number, now, "still here")
			if m, err := w.store.Message(ctx, relayed[0].ID); err != nil || m.To != now {
				t.Errorf("the text that waited goes to %s, %v; want the new phone", m.To.E164(), err)
			}
			claimed := w.claim(t)
			for _, m := range claimed {
				if m.From == one.Number && m.To == old {
					t.Errorf("%s of message %d still goes to the old phone", m.Kind, m.ID)
				}
			}
			if len(claimed) != 4 { // the first text of each of four lanes
				t.Errorf("%d texts may be sent now, want the confirmation of each phone and ride", len(claimed))
			}
		})
	})
	t.Run("a text that is being sent is waited for", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			w.ride(t, ada, bob)
			claimed := w.claim(t)
			refused(t, change(w, ada, "07700 900109"), "number")
			w.connects(t, bob.Number, one.Number, ada.Number)
			err := w.store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
				for _, m := range claimed {
					if _, err := tx.MarkSent(ctx, m); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if err := change(w, ada, "07700 900109"); err != nil {
				t.Errorf("once it was sent: %v", err)
			}
		})
	})
	t.Run("refused", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
			eve, cy := w.customer(t, "Eve", "07700 900102"), w.driver(t, "Cy", "07700 900202")
			first := w.ride(t, ada, bob)
			second := w.ride(t, eve, cy)
			if first.Proxy.ID != second.Proxy.ID {
				t.Fatal("the rides do not share a number")
			}
			for name, number := range map[string]string{
				"the other party's": "07700 900201", "of somebody on the same proxy number": "07700 900202",
				"of the pool": "07700 900901", "not a number": "12", "empty": "",
			} {
				t.Run(name, func(t *testing.T) { refused(t, change(w, ada, number), "number") })
			}
			w.connects(t, ada.Number, first.Proxy.Number, bob.Number)
			if err := change(w, masking.Party{Role: masking.Customer, ID: 99, Name: "Nobody"}, "07700 900109"); !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("somebody unknown: got %v, want ErrNotFound", err)
			}
			w.release(t, second)
			if err := change(w, ada, "07700 900202"); err != nil {
				t.Errorf("once that ride has closed: %v", err)
			}
		})
	})
	t.Run("the new phone does not soon get the numbers that the person knows", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			w.number(t, "07700 900901")
			w.number(t, "07700 900902")
			ada, bob, cy := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"), w.driver(t, "Cy", "07700 900202")
			first := w.ride(t, ada, bob)
			w.release(t, first)
			w.clock.Move(time.Hour)
			if err := change(w, ada, "07700 900109"); err != nil {
				t.Fatal(err)
			}
			if second := w.ride(t, ada, cy); second.Proxy.ID == first.Proxy.ID {
				t.Errorf("Ada's old contact %s now calls Cy", first.Proxy.Number.E164())
			}
		})
	})
	t.Run("the name alone", func(t *testing.T) {
		eachTown(t, func(t *testing.T, w *town) {
			ada := w.customer(t, "Ada", "07700 900101")
			got, err := w.ChangeParty(ctx, masking.Customer, ada.ID, "  Ada  Byron ", "+44 7700 900101")
			if err != nil || got.Name != "Ada Byron" || got.Number != ada.Number || !got.Created.Equal(ada.Created) {
				t.Errorf("got %+v, %v", got, err)
			}
			_, err = w.ChangeParty(ctx, masking.Customer, ada.ID, "", "07700 900101")
			refused(t, err, "name")
		})
	})
}

// claim takes every text that may be sent now.
func (w *town) claim(t *testing.T) (claimed []masking.Message) {
	t.Helper()
	err := w.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		claimed, err = tx.Claim(ctx, 100, time.Minute)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return claimed
}

func TestDeleteParty(t *testing.T) {
	ctx := context.Background()
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ada, bob := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201")
		ride := w.ride(t, ada, bob)
		err := w.DeleteParty(ctx, masking.Driver, bob.ID)
		refused(t, err, "driver")
		if !strings.Contains(err.Error(), "Bob") {
			t.Errorf("the reason %q names nobody", err)
		}
		w.end(t, ride)
		refused(t, w.DeleteParty(ctx, masking.Customer, ada.ID), "customer")
		w.clock.Move(linger)
		w.sweep(t)
		if err := w.DeleteParty(ctx, masking.Driver, bob.ID); err != nil {
			t.Fatal(err)
		}
		if err := w.DeleteParty(ctx, masking.Driver, bob.ID); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("twice: got %v, want ErrNotFound", err)
		}
		past, err := w.store.Ride(ctx, ride.ID)
		if err != nil || past.Driver.Name != "Bob" {
			t.Errorf("the past ride names %q, %v; want Bob", past.Driver.Name, err)
		}
		drivers, err := w.store.Parties(ctx, masking.Driver)
		if err != nil || len(drivers) != 0 {
			t.Errorf("%d drivers on the list, %v; want none", len(drivers), err)
		}
		_, err = w.schedule(ada, bob)
		refused(t, err, "driver")
		_, err = w.ChangeParty(ctx, masking.Driver, bob.ID, "Bob", "07700 900202")
		if !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("changed after the deletion: got %v, want ErrNotFound", err)
		}
		w.says(t, bob.Number, ride.Proxy.Number, masking.SayEnded)
		w.number(t, "07700 900201") // is nobody's now
	})
}

func TestPoolStates(t *testing.T) {
	ctx := context.Background()
	eachTown(t, func(t *testing.T, w *town) {
		one := w.number(t, "07700 900901")
		ada, bob, cy := w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"), w.driver(t, "Cy", "07700 900202")
		ride := w.ride(t, ada, bob)
		refused(t, w.SetPoolState(ctx, one.ID, masking.Retired), "state")
		refused(t, w.SetPoolState(ctx, one.ID, "gone"), "state")
		refused(t, w.DeleteNumber(ctx, one.ID), "number")
		if err := w.SetPoolState(ctx, one.ID, masking.Draining); err != nil {
			t.Fatal(err)
		}
		w.connects(t, ada.Number, one.Number, bob.Number)
		if _, err := w.schedule(w.customer(t, "Dee", "07700 900103"), cy); !errors.Is(err, masking.ErrPoolEmpty) {
			t.Errorf("a ride while the only number drains: got %v, want ErrPoolEmpty", err)
		}
		w.release(t, ride)
		if err := w.SetPoolState(ctx, one.ID, masking.Retired); err != nil {
			t.Errorf("retire once its ride has closed: %v", err)
		}
		w.says(t, ada.Number, one.Number, masking.SayEnded)
		refused(t, w.DeleteNumber(ctx, one.ID), "number")
		if err := w.SetPoolState(ctx, one.ID, masking.Available); err != nil {
			t.Fatal(err)
		}
		w.ride(t, ada, bob)

		unused := w.number(t, "07700 900902")
		if err := w.DeleteNumber(ctx, unused.ID); err != nil {
			t.Errorf("delete a number that no ride had: %v", err)
		}
		for name, err := range map[string]error{
			"delete": w.DeleteNumber(ctx, unused.ID), "state": w.SetPoolState(ctx, unused.ID, masking.Draining),
		} {
			if !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("%s of a number that is gone: got %v, want ErrNotFound", name, err)
			}
		}
	})
}
