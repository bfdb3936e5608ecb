package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// skip lets the next text have an id above last.
func (p *place) skip(last int64) {
	p.t.Helper()
	text := masking.Message{ID: last, Kind: masking.Inbound, State: masking.Unrouted, CarrierID: fmt.Sprint("skip", last),
		From: p.eve.Number, To: p.gb2.Number, Created: p.clock.Now()}
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		return tx.Fill(ctx, store.Filling{Messages: []masking.Message{text}})
	})
}

// text adds an inbound text to a ride, and what goes on to its driver.
func (p *place) text(ride masking.Ride, state masking.MessageState, kind masking.Kind) (ids []int64) {
	p.t.Helper()
	p.tx(func(ctx context.Context, tx *store.Tx) error {
		in := masking.Text{From: ride.Customer.Number, To: ride.Proxy.Number, Body: "Hello", CarrierID: fmt.Sprint(time.Now().UnixNano())}
		id, _, err := tx.AddInbound(ctx, store.Received{Text: in, RideID: ride.ID, Role: masking.Customer}, state)
		if err != nil {
			return err
		}
		m, err := tx.Enqueue(ctx, store.Unsent{Kind: kind, RideID: ride.ID, Role: masking.Driver, CauseID: id, From: ride.Proxy.Number, To: ride.Driver.Number, Body: "Hello"}, 0)
		ids = []int64{id, m.ID}
		return err
	})
	return ids
}

func (p *place) wantTexts(ride masking.Ride, before int64, limit int, want []int64) {
	p.t.Helper()
	texts, err := p.RideTexts(context.Background(), ride.ID, before, limit)
	if err != nil {
		p.t.Fatal(err)
	}
	got := []int64{}
	for _, m := range texts {
		got = append(got, m.ID)
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("ride %d has texts %v below %d, %d at most; want %v", ride.ID, got, before, limit, want)
	}
}

// A ride's texts are found however far they are apart, and no others, whether the ride is live or
// over, and when some come after its end.
func TestRideTexts(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		must := func(ride masking.Ride, err error) masking.Ride {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return ride
		}
		p.skip(5000)
		ride, other := must(p.ride(p.ada, p.bob, p.gb1)), must(p.ride(p.eve, p.cy, p.gb1))
		p.wantTexts(ride, 0, 100, []int64{})
		var all []int64
		for i := range int64(6) {
			all = append(all, p.text(ride, masking.Relayed, masking.Relaying)...)
			p.text(other, masking.Relayed, masking.Relaying)
			p.skip(5000 + (i+1)*1500)
		}
		newestFirst := func() []int64 {
			ids := slices.Clone(all)
			slices.Reverse(ids)
			return ids
		}
		look := func() {
			t.Helper()
			n := newestFirst()
			p.wantTexts(ride, 0, 100, n)
			p.wantTexts(ride, 0, 3, n[:3])
			p.wantTexts(ride, n[2], 4, n[3:7])
			p.wantTexts(ride, n[3]+1, 4, n[3:7])
			p.wantTexts(ride, n[len(n)-1], 100, []int64{})
			talk, err := p.Conversation(context.Background(), ride.ID)
			if err != nil || len(talk) != len(all) || talk[0].ID != all[0] {
				t.Errorf("the conversation has %d texts, %v; want %d, the oldest first", len(talk), err, len(all))
			}
		}
		look()
		ctx := context.Background()
		relayed, err := p.RideTextsOf(ctx, ride.ID, masking.Relaying)
		if err != nil || len(relayed) != len(all)/2 || relayed[0].ID != all[len(all)-1] || relayed[len(relayed)-1].ID != all[1] {
			t.Errorf("%d texts are relayed, %v; want every other, the newest first", len(relayed), err)
		}
		if others, err := p.RideTextsOf(ctx, ride.ID, masking.Cancelling); err != nil || len(others) != 0 {
			t.Errorf("%d cancellations, %v; want none", len(others), err)
		}

		p.release(ride)
		look()
		p.text(other, masking.Relayed, masking.Relaying)
		p.skip(40_000)
		look()
		all = append(all, p.text(ride, masking.AfterRide, masking.RideOver)...)
		p.text(other, masking.Relayed, masking.Relaying)
		p.skip(50_000)
		look()
		p.tx(func(ctx context.Context, tx *store.Tx) error { // and one that is not answered
			id, _, err := tx.AddInbound(ctx, store.Received{Text: masking.Text{CarrierID: "late", From: p.ada.Number, To: p.gb1.Number, Body: "Hello"}, RideID: ride.ID}, masking.AfterRide)
			all = append(all, id)
			return err
		})
		look()

		quiet := must(p.ride(p.ada, p.bob, p.gb1))
		p.release(quiet)
		p.text(other, masking.Relayed, masking.Relaying)
		p.wantTexts(quiet, 0, 100, []int64{})

		// Nothing is searched before a ride was made, or after it was over.
		spans, err := p.Pairs(ctx, "SELECT CAST(texts_after AS TEXT), CAST(texts_until AS TEXT) FROM rides ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint([][2]string{{"5000", fmt.Sprint(all[len(all)-1])}, {"5000", "0"}, {"50001", "50001"}})
		if fmt.Sprint(spans) != want {
			t.Errorf("the rides' texts lie in %v, want %v", spans, want)
		}
	})
}

// So are its calls, which are recorded a moment after they were, and also once the ride is over.
func TestRideCalls(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		call := func(n int, rides ...int64) {
			t.Helper()
			var calls []masking.CallRecord
			for i := range n {
				calls = append(calls, masking.CallRecord{RideID: rides[i%len(rides)], From: p.ada.Number, Number: p.gb1.Number, To: p.bob.Number,
					Outcome: masking.Connected, At: p.clock.Now()})
			}
			p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.RecordCalls(ctx, calls) })
		}
		call(3000, 0) // of no ride
		ride, err := p.ride(p.ada, p.bob, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		other, err := p.ride(p.eve, p.cy, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		look := func() {
			t.Helper()
			calls, err := p.Calls(ctx, ride.ID)
			if err != nil || len(calls) != want {
				t.Fatalf("the ride has %d calls, %v; want %d", len(calls), err, want)
			}
			if want == 0 {
				return
			}
			if !slices.IsSortedFunc(calls, func(a, b masking.CallRecord) int { return cmp.Compare(a.ID, b.ID) }) {
				t.Error("the calls are in disorder")
			}
			newest, err := p.RideCalls(ctx, ride.ID, calls[len(calls)-1].ID, 2)
			if err != nil || len(newest) != 2 || newest[0].ID != calls[len(calls)-2].ID || newest[1].ID != calls[len(calls)-3].ID {
				t.Errorf("the two before the last are %+v, %v", newest, err)
			}
		}
		look()
		for range 3 {
			call(10, ride.ID, other.ID)
			call(1500, other.ID)
			want += 5
			look()
		}
		p.release(ride)
		call(1500, other.ID)
		call(1, ride.ID)
		want++
		look()
		spans, err := p.Pairs(ctx, "SELECT CAST(calls_after AS TEXT), '' FROM rides ORDER BY id")
		if err != nil || fmt.Sprint(spans) != "[[3000 ] [3000 ]]" {
			t.Errorf("the rides' calls begin after %v, %v; want 3000", spans, err)
		}
	})
}

// A text that is added while its ride ends is not lost to it.
func TestRideTexts_EndMeanwhile(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		ride, err := p.ride(p.ada, p.bob, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		p.skip(3*1024 - 1) // the next one is in another part
		added, ended := make(chan bool), make(chan error, 1)
		go func() {
			<-added
			ended <- p.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error { return tx.ReleaseRoutes(ctx, ride.ID) })
		}()
		var text masking.Message
		p.tx(func(ctx context.Context, tx *store.Tx) (err error) {
			text, err = tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, RideID: ride.ID, From: p.gb1.Number, To: p.ada.Number, Body: "Hello"}, 0)
			added <- true
			select {
			case err := <-ended:
				ended <- err
			case <-time.After(300 * time.Millisecond): // it waits for this, as it should
			}
			return err
		})
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		p.wantTexts(ride, 0, 10, []int64{text.ID})
	})
}

// Texts from before rides knew theirs are found as well.
func TestRideTexts_Migrated(t *testing.T) {
	for _, engine := range engines(t) {
		t.Run(engine.folder, func(t *testing.T) {
			ctx := context.Background()
			clock := storetest.NewClock()
			s, err := store.Open(ctx, engine.url, clock.Now)
			if err != nil {
				t.Fatal(err)
			}
			p := newPlace(t, s, clock)
			live, err := p.ride(p.ada, p.bob, p.gb1)
			if err != nil {
				t.Fatal(err)
			}
			over, err := p.ride(p.eve, p.cy, p.gb1)
			if err != nil {
				t.Fatal(err)
			}
			want := map[int64][]int64{}
			for i, ride := range []masking.Ride{live, over, live, over} {
				want[ride.ID] = append(want[ride.ID], p.text(ride, masking.Relayed, masking.Relaying)...)
				p.tx(func(ctx context.Context, tx *store.Tx) error {
					return tx.RecordCalls(ctx, slices.Repeat([]masking.CallRecord{{RideID: ride.ID, Number: p.gb1.Number, Outcome: masking.Connected, At: clock.Now()}}, 1500))
				})
				p.skip(int64(i+1) * 4000)
			}
			over.State = masking.Closed
			p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.SetRide(ctx, over, masking.Open) })
			p.release(over)
			_ = s.Close()

			engine.downTo(t, 4, func(db *sql.DB) {
				if _, err := db.Exec("SELECT texts_until FROM rides"); err == nil {
					t.Fatal("the schema is the new one, so this shows nothing")
				}
			})
			p.Store = storetest.Open(t, engine.url, clock.Now)
			for _, ride := range []masking.Ride{live, over} {
				ids := want[ride.ID]
				slices.Reverse(ids)
				p.wantTexts(ride, 0, 100, ids)
				if calls, err := p.Calls(ctx, ride.ID); err != nil || len(calls) != 3000 {
					t.Errorf("ride %d has %d calls, %v; want 3000", ride.ID, len(calls), err)
				}
			}
		})
	}
}
