package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

const lease = time.Minute

// enqueue stores a message from 1 to a person, claimed if nothing waits before it.
func enqueue(t *testing.T, s *store.Store, to, body string) (m masking.Message) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		m, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, From: number(t, "447700900001"), To: number(t, to), Body: body}, lease)
		return err
	})
	return m
}

func write(t *testing.T, s *store.Store, work func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Tx(context.Background(), work); err != nil {
		t.Fatal(err)
	}
}

func claim(t *testing.T, s *store.Store) (claimed []masking.Message) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
		claimed, err = tx.Claim(ctx, 10, lease)
		return err
	})
	return claimed
}

func stored(t *testing.T, s *store.Store, id int64) masking.Message {
	t.Helper()
	m, err := s.Message(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What is handed out of Enqueue is what is in the database.
func TestMessages_Enqueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		first := enqueue(t, s, "447700900101", "one")
		behind := enqueue(t, s, "447700900101", "two")
		other := enqueue(t, s, "447700900102", "three")
		if first.State != masking.Sending || behind.State != masking.Queued || other.State != masking.Sending {
			t.Errorf("enqueued as %s, %s and %s; want the second to wait for the first", first.State, behind.State, other.State)
		}
		for _, m := range []masking.Message{first, other} {
			got := stored(t, s, m.ID)
			if got.ID != m.ID || got.State != m.State || got.Body != m.Body || got.From != m.From || got.To != m.To ||
				got.Reference != m.Reference || got.Attempts != m.Attempts || !got.Due.Equal(m.Due) || !got.Created.Equal(m.Created) {
				t.Errorf("handed out %+v, stored %+v", m, got)
			}
		}
		if claimed := claim(t, s); len(claimed) != 0 {
			t.Errorf("claimed %+v, which is in hand or waits for its turn", claimed)
		}
	})
}

// Whoever lost its claim changes nothing any more.
func TestMessages_Fence(t *testing.T) {
	marks := map[string]func(ctx context.Context, tx *store.Tx, m masking.Message) error{
		"sent": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			marked, err := tx.MarkSent(ctx, m)
			return notMine(len(marked) > 0, err)
		},
		"failed": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			return notMine(tx.MarkFailed(ctx, m, 9, "no"))
		},
		"waiting": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			return notMine(tx.MarkWaiting(ctx, m, store.Wait{Due: tx.Now}))
		},
		"postponed": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			return notMine(tx.Postpone(ctx, m, tx.Now))
		},
		"given back": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			return tx.GiveBack(ctx, []masking.Message{m})
		},
		"renewed": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			_, err := tx.Renew(ctx, []masking.Message{m}, time.Hour)
			return err
		},
	}
	for name, mark := range marks {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				lost := enqueue(t, s, "447700900101", "one")
				enqueue(t, s, "447700900101", "waits behind it")
				clock.Move(lease)
				claimed := claim(t, s)
				if len(claimed) != 1 || claimed[0].ID != lost.ID || claimed[0].Uncertain.IsZero() {
					t.Fatalf("claimed %+v, want the message whose lease lapsed, as uncertain", claimed)
				}
				before := stored(t, s, lost.ID)
				write(t, s, func(ctx context.Context, tx *store.Tx) error { return mark(ctx, tx, lost) })
				if after := stored(t, s, lost.ID); after != before {
					t.Errorf("the message was %+v and is %+v", before, after)
				}
			})
		})
	}
}

// What ends a claim without a try may be written twice, when its commit was not confirmed: the second
// time the message may be another's already.
func TestMessages_EndedTwice(t *testing.T) {
	ends := map[string]func(ctx context.Context, tx *store.Tx, m masking.Message) error{
		"postponed": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			_, err := tx.Postpone(ctx, m, tx.Now)
			return err
		},
		"given back": func(ctx context.Context, tx *store.Tx, m masking.Message) error {
			return tx.GiveBack(ctx, []masking.Message{m})
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
				first := enqueue(t, s, "447700900101", "one")
				again := func() {
					write(t, s, func(ctx context.Context, tx *store.Tx) error { return end(ctx, tx, first) })
				}
				again()
				clock.Move(time.Second)
				second := claim(t, s)
				if len(second) != 1 || !second[0].Uncertain.IsZero() {
					t.Fatalf("claimed %+v, want the message that nobody tried to send", second)
				}
				again()
				if third := claim(t, s); len(third) != 0 {
					t.Errorf("claimed %+v while another sends it", third)
				}
			})
		})
	}
}

// A claim that was lost cannot be renewed, and whoever asks is told.
func TestMessages_Renew(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		lost, kept := enqueue(t, s, "447700900101", "one"), enqueue(t, s, "447700900102", "two")
		clock.Move(lease / 2)
		renew := func(claims ...masking.Message) (renewed []masking.Message) {
			write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
				renewed, err = tx.Renew(ctx, claims, lease)
				return err
			})
			return renewed
		}
		renew(kept)
		clock.Move(lease / 2)
		claim(t, s)
		if renewed := renew(lost, kept); len(renewed) != 1 || renewed[0].ID != kept.ID {
			t.Errorf("renewed %+v, want the one that nobody else claimed", renewed)
		}
	})
}

func notMine(mine bool, err error) error {
	if mine {
		return errors.New("the mark counted")
	}
	return err
}

// A claim that its holder gives back, renews or lets lapse.
func TestMessages_Claims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		m := enqueue(t, s, "447700900101", "one")
		next := enqueue(t, s, "447700900101", "two")
		clock.Move(lease / 2)
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.Renew(ctx, []masking.Message{m}, lease)
			return err
		})
		clock.Move(lease / 2)
		if claimed := claim(t, s); len(claimed) != 0 {
			t.Errorf("claimed %+v, whose claim was renewed", claimed)
		}
		write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.GiveBack(ctx, []masking.Message{m}) })
		claimed := claim(t, s)
		if len(claimed) != 1 || claimed[0].ID != m.ID || !claimed[0].Uncertain.IsZero() || claimed[0].Attempts != 0 {
			t.Fatalf("claimed %+v, want what was given back, as if never tried", claimed)
		}
		tried := clock.Now()
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.MarkWaiting(ctx, claimed[0], store.Wait{Due: tx.Now.Add(time.Hour), Uncertain: tried, Code: 99, Reason: "trouble"})
			return err
		})
		if due, err := s.NextDue(context.Background()); err != nil || !due.Equal(tried.Add(time.Hour)) {
			t.Errorf("the next is due at %v, %v", due, err)
		}
		clock.Move(-2 * time.Hour) // a clock that is set back
		write(t, s, func(ctx context.Context, tx *store.Tx) error { _, err := tx.Hasten(ctx); return err })
		claimed = claim(t, s)
		if len(claimed) != 1 || claimed[0].ID != m.ID || !claimed[0].Uncertain.Equal(tried) || claimed[0].Attempts != 1 || claimed[0].Reason != "trouble" {
			t.Fatalf("claimed %+v, want what waited for a time to come", claimed)
		}
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			marked, err := tx.MarkSent(ctx, claimed[0])
			if len(marked) != 1 {
				t.Errorf("marked %v, want one", marked)
			}
			if err != nil {
				return err
			}
			following, err := tx.ClaimNext(ctx, lease, m)
			if len(following) != 1 || following[0].ID != next.ID || following[0].State != masking.Sending || following[0].Attempts != 0 {
				t.Errorf("next comes %+v", following)
			}
			return err
		})
	})
}

// However many are marked at once, each gets its own carrier's id, and those that are
// not the caller's any more stay as they are.
func TestMessages_MarkedTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		for _, count := range []int{1, 7, 8, 9, 128, 129, 300} {
			var all []masking.Message
			for i := range count {
				m := enqueue(t, s, fmt.Sprintf("4477009%03d%02d", count, i), "one")
				m.CarrierID = fmt.Sprintf("carrier-%d", m.ID)
				all = append(all, m)
			}
			last := all[count-1]
			var waiting masking.Message
			if count > 8 {
				waiting = enqueue(t, s, "4477009"+fmt.Sprintf("%03d00", count), "two")
				write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.GiveBack(ctx, all[3:4]) })
				write(t, s, func(ctx context.Context, tx *store.Tx) error {
					_, err := tx.Settle(ctx, last, masking.Report{State: masking.Delivered, CarrierID: "report's"})
					return err
				})
				all[5].Attempts++
			}
			var marked, next []masking.Message
			write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
				if marked, err = tx.MarkSent(ctx, all...); err == nil {
					next, err = tx.ClaimNext(ctx, lease, marked...)
				}
				return err
			})
			want := slices.Clone(all)
			if count > 8 {
				want = slices.DeleteFunc(want, func(m masking.Message) bool { return m.ID == all[3].ID || m.ID == all[5].ID || m.ID == last.ID })
				got := stored(t, s, waiting.ID)
				if len(next) != 1 || next[0] != got || got.State != masking.Sending {
					t.Errorf("of %d: next come %v, want %v, which waited", count, next, got)
				}
				for id, state := range map[int64]masking.MessageState{all[3].ID: masking.Queued, all[5].ID: masking.Sending, last.ID: masking.Delivered} {
					if got := stored(t, s, id); got.State != state || got.CarrierID == fmt.Sprintf("carrier-%d", id) {
						t.Errorf("of %d: what was not the caller's became %s under %q, want %s", count, got.State, got.CarrierID, state)
					}
				}
			} else if len(next) != 0 {
				t.Errorf("of %d: next come %v, want none", count, next)
			}
			if !slices.EqualFunc(marked, want, func(a, b masking.Message) bool { return a.ID == b.ID }) {
				t.Errorf("of %d: marked %d, want %d", count, len(marked), len(want))
			}
			for _, m := range want {
				if got := stored(t, s, m.ID); got.State != masking.Sent || got.CarrierID != m.CarrierID || got.SentAt.IsZero() {
					t.Errorf("of %d: message %d is %s under %q since %v", count, m.ID, got.State, got.CarrierID, got.SentAt)
				}
			}
		}
	})
}

// However many are enqueued at once, each is what Enqueue would have made of it.
func TestMessages_EnqueuedTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		for i, tt := range []struct {
			count int
			lease time.Duration
			want  masking.MessageState // unless others are before it
		}{{1, lease, masking.Sending}, {13, lease, masking.Sending}, {200, lease, masking.Sending}, {1, 0, masking.Queued}, {13, 0, masking.Queued}} {
			from := number(t, "447700900001")
			var unsent []store.Unsent
			for j := range tt.count {
				phone := number(t, fmt.Sprintf("4477009%d%03d", i, j))
				write(t, s, func(ctx context.Context, tx *store.Tx) error {
					cause, _, err := tx.AddInbound(ctx, store.Received{Text: masking.Text{From: phone, To: from, CarrierID: phone.E164()}}, masking.Unrouted)
					unsent = append(unsent, store.Unsent{Kind: masking.NotDelivered, CauseID: cause, From: from, To: phone, Body: phone.E164()})
					return err
				})
			}
			slices.Reverse(unsent) // so that their causes are in another order than they
			before := enqueue(t, s, unsent[0].To.Digits(), "before the first of them")

			var together, next []masking.Message
			write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
				together, err = tx.EnqueueAll(ctx, unsent, tt.lease)
				return err
			})
			for j, m := range together {
				want := tt.want
				if j == 0 {
					want = masking.Queued
				}
				got := stored(t, s, m.ID)
				if got.State != want || got.Body != unsent[j].Body || got.To != unsent[j].To || got.CauseID != unsent[j].CauseID ||
					got.State != m.State || got.Body != m.Body || got.To != m.To || got.Reference != m.Reference || j > 0 && !got.Due.Equal(m.Due) {
					t.Errorf("%d of %d: handed out %+v, stored %+v; want %s", j, tt.count, m, got, want)
				}
			}
			if claimed := claim(t, s); tt.lease > 0 && len(claimed) > 0 || tt.lease == 0 && len(claimed) != min(tt.count-1, 10) {
				t.Errorf("claimed %d of %d", len(claimed), tt.count)
			}
			write(t, s, func(ctx context.Context, tx *store.Tx) (err error) {
				if _, err = tx.MarkSent(ctx, before); err == nil {
					next, err = tx.ClaimNext(ctx, tt.lease, before)
				}
				return err
			})
			if tt.lease == 0 {
				next = slices.DeleteFunc(claim(t, s), func(m masking.Message) bool { return m.ID != together[0].ID })
			}
			if len(next) != 1 || next[0] != stored(t, s, together[0].ID) || next[0].ID != together[0].ID {
				t.Errorf("of %d: next comes %+v, want what waited", tt.count, next)
			}
		}
	})
}
