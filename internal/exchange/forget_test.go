package exchange_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store/storetest"
)

// Whoever sets KEEP wants it to be as if the ride had never been: nothing of it, or of
// whoever was taken off the lists, may be left in any table.
func TestForgetOld_NothingIsLeft(t *testing.T) {
	for driver, url := range map[string]string{"sqlite3": filepath.Join(t.TempDir(), "birdcar.db"), "pgx": storetest.Postgres(t)} {
		t.Run(driver, func(t *testing.T) {
			ctx := context.Background()
			clock := storetest.NewClock()
			w := newTown(t, storetest.Open(t, url, clock.Now), clock)
			one := w.number(t, "07700 900901")
			ada, bob := w.customer(t, "Adalbert", "07700 900101"), w.driver(t, "Bogdana", "07700 900201")
			cyd, dan := w.customer(t, "Cyd", "07700 900103"), w.driver(t, "Dan", "07700 900203")
			stranger := phone(t, "07700 900777")
			ride, err := w.ScheduleRide(ctx, masking.RideRequest{CustomerID: ada.ID, DriverID: bob.ID, At: clock.Now(), Start: "Xylophone Street", Destination: "Quay"})
			if err != nil {
				t.Fatal(err)
			}
			other := w.ride(t, cyd, dan)
			otherTexts := w.text(t, "other", cyd.Number, one.Number, "zebra")
			for i := range 80 { // more messages than one statement takes
				w.text(t, fmt.Sprint("a", i), ada.Number, one.Number, "walrus")
				w.text(t, fmt.Sprint("b", i), bob.Number, one.Number, "walrus")
			}
			w.leave(t)
			fails := w.text(t, "fails", ada.Number, one.Number, "walrus")[0]
			w.fail(t)
			if err := w.SendAgain(ctx, fails.ID); err != nil {
				t.Fatal(err)
			}
			w.leave(t)
			if told := w.notices(t, ride); len(told) != 1 {
				t.Fatalf("of a text that failed the sender was told %d times", len(told))
			}
			moved, err := w.ChangeParty(ctx, masking.Driver, bob.ID, bob.Name, "07700 900202")
			if err != nil {
				t.Fatal(err)
			}
			w.release(t, ride)
			w.text(t, "stranger", stranger, one.Number, "walrus")
			w.text(t, "loop", one.Number, one.Number, "walrus")
			w.call(t, ada.Number, one.Number)
			w.call(t, stranger, one.Number)
			w.recordCalls(t)
			if late := w.text(t, "late", ada.Number, one.Number, "walrus"); len(late) != 1 {
				t.Fatalf("%d answers to a late text, want 1", len(late))
			}
			w.send(t)
			for _, p := range []masking.Party{ada, moved, w.customer(t, "Evangeline", "07700 900105")} {
				if err := w.DeleteParty(ctx, p.Role, p.ID); err != nil {
					t.Fatal(err)
				}
			}

			clock.Move(keep)
			if f, err := w.ForgetOld(ctx); err != nil || f != (exchange.Forgotten{}) {
				t.Fatalf("a moment too early: forgot %+v, %v", f, err)
			}
			w.says(t, ada.Number, one.Number, masking.SayEnded)
			clock.Move(time.Millisecond)
			f, err := w.ForgetOld(ctx)
			if err != nil || f.Rides != 1 || f.People != 3 || f.Texts < 320 || f.Calls != 2 {
				t.Fatalf("forgot %+v, %v", f, err)
			}
			clock.Move(time.Hour) // the calls to hear that all are gone, too
			w.says(t, ada.Number, one.Number, masking.SayUnknown)
			w.recordCalls(t)
			clock.Move(keep + time.Millisecond)
			if f, err := w.ForgetOld(ctx); err != nil || f.Rides != 0 || f.Calls == 0 {
				t.Fatalf("the second time: forgot %+v, %v", f, err)
			}

			left := everything(t, driver, url)
			for _, gone := range []string{"900101", "900201", "900202", "900777", "900105", "Evangeline", "Adalbert", "Bogdana", "adalbert", "bogdana", "xylophone", "walrus", "Xylophone"} {
				for _, text := range []string{gone, backwards(gone)} {
					if i := strings.Index(left, text); i >= 0 {
						t.Errorf("%q is left: %s", text, left[max(0, i-80):min(i+80, len(left))])
					}
				}
			}
			if c, err := w.store.Census(ctx, 100); err != nil || c.Open != 1 || c.Closed < 1 {
				t.Errorf("counted %+v, %v; want the forgotten ride among the closed ones", c, err)
			}
			w.isIn(t, other, masking.Open)
			w.connects(t, cyd.Number, one.Number, dan.Number)
			if m, err := w.store.Message(ctx, otherTexts[0].ID); err != nil || m.Body != "zebra" {
				t.Errorf("a text of a live ride is %q, %v", m.Body, err)
			}
			if again, err := w.ForgetOld(ctx); err != nil || again != (exchange.Forgotten{}) {
				t.Errorf("with nothing old: forgot %+v, %v", again, err)
			}
		})
	}
}

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

// recordCalls stores the calls that were answered.
func (w *town) recordCalls(t tb) {
	t.Helper()
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	w.Run(ended)
}

// everything is all rows of all tables of a database.
func everything(t *testing.T, driver, url string) string {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tables := "SELECT name FROM sqlite_master WHERE type = 'table'"
	if driver == "pgx" {
		tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
	}
	var all strings.Builder
	for _, table := range rowsOf(t, db, tables) {
		name := fmt.Sprint(table[0])
		for _, row := range rowsOf(t, db, "SELECT * FROM "+name) {
			fmt.Fprintln(&all, name, row)
		}
	}
	return all.String()
}

func rowsOf(t *testing.T, db *sql.DB, query string) (all [][]any) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A ride whose text waits stays, and holds up none that closed after it.
func TestForgetOld_TextsWait(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		ctx := context.Background()
		one := w.number(t, "07700 900901")
		bob := w.driver(t, "Bob", "07700 900201")
		var rides []masking.Ride
		for i := range 25 { // more than are read at once
			ada := w.customer(t, "Ada", fmt.Sprintf("07700 9001%02d", i))
			rides = append(rides, w.ride(t, ada, bob))
			w.release(t, rides[i])
		}
		w.text(t, "on its way", rides[1].Customer.Number, one.Number, "Are you still there?")
		w.clock.Move(keep + time.Millisecond)
		sends := w.claim(t)[0]
		waits := w.text(t, "late", rides[0].Customer.Number, one.Number, "Are you still there?")[0]
		if f, err := w.ForgetOld(ctx); err != nil || f.Rides != len(rides)-2 {
			t.Fatalf("forgot %+v, %v; want %d rides", f, err, len(rides)-2)
		}
		for i, m := range []masking.Message{waits, sends} {
			w.isIn(t, rides[i], masking.Closed)
			if got, err := w.store.Message(ctx, m.ID); err != nil || got.State != m.State {
				t.Errorf("the text that is %s is %s, %v", m.State, got.State, err)
			}
		}
		w.sent(t, sends)
		w.send(t)
		if f, err := w.ForgetOld(ctx); err != nil || f.Rides != 2 {
			t.Errorf("once it was sent: forgot %+v, %v", f, err)
		}
	})
}

// What a clock made that was months ahead does not keep what is behind it.
func TestForgetOld_ClockWasAhead(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		one := w.number(t, "07700 900901")
		come := func(n int) {
			for i := range n {
				stranger := phone(t, fmt.Sprintf("07700 900%03d", i))
				w.call(t, stranger, one.Number)
				w.text(t, fmt.Sprint(w.clock.Now(), i), stranger, one.Number, "hi")
			}
			w.recordCalls(t)
		}
		const ahead = 5000 * time.Hour
		w.clock.Move(ahead)
		come(250) // more than a piece
		w.clock.Move(-ahead)
		come(10)
		w.clock.Move(keep + time.Millisecond)
		f, err := w.ForgetOld(context.Background())
		if want := (exchange.Forgotten{Texts: 10, Calls: 10}); err != nil || f != want {
			t.Errorf("forgot %+v, %v; want %+v", f, err, want)
		}
	})
}

func TestForgetOld_ForEver(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.Keep = 0
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		w.release(t, ride)
		w.clock.Move(100_000 * time.Hour)
		if f, err := w.ForgetOld(context.Background()); err != nil || f != (exchange.Forgotten{}) {
			t.Errorf("forgot %+v, %v", f, err)
		}
		w.Forget(context.Background()) // returns
		w.isIn(t, ride, masking.Closed)
	})
}

// Forget does it by itself.
func TestForget(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.number(t, "07700 900901")
		ride := w.ride(t, w.customer(t, "Ada", "07700 900101"), w.driver(t, "Bob", "07700 900201"))
		w.release(t, ride)
		w.clock.Move(keep + time.Millisecond)
		atStart, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		w.Forget(atStart) // nobody may have set the clock yet
		w.isIn(t, ride, masking.Closed)

		defer exchange.BelieveAfter(0)()
		ctx, cancel := context.WithCancel(context.Background())
		var forgetting sync.WaitGroup
		forgetting.Go(func() { w.Forget(ctx) })
		defer forgetting.Wait()
		defer cancel()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			_, err := w.store.Ride(ctx, ride.ID)
			if err == masking.ErrNotFound {
				return
			} else if err != nil || time.Now().After(deadline) {
				t.Fatalf("the ride is still there: %v", err)
			}
		}
	})
}

// Late texts come while their ride is forgotten: each is taken, and none is left that belongs to a ride
// that is gone, because nothing would ever delete it.
func TestInstances_TextsWhileTheirRideIsForgotten(t *testing.T) {
	eachPair(t, func(t *testing.T, p pair) {
		ctx := context.Background()
		p.one.Keep, p.other.Keep = keep, keep
		p.numbers(t, 1)
		var came, unrouted int
		for round := range 12 {
			ride, err := p.one.ScheduleRide(ctx, p.request(p.party(t, masking.Customer, drama(2*round)), p.party(t, masking.Driver, drama(2*round+1))))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.one.EndRide(ctx, ride.ID); err != nil {
				t.Fatal(err)
			}
			p.clock.Move(time.Hour)
			if err := storetest.SendAll(p.store); err != nil {
				t.Fatal(err)
			}
			if _, err := p.one.Sweep(ctx); err != nil {
				t.Fatal(err)
			}
			p.clock.Move(keep + time.Millisecond)
			text := func(i int) masking.Text {
				return masking.Text{CarrierID: fmt.Sprint(round, "-", i), From: ride.Customer.Number, To: ride.Proxy.Number, Body: "late"}
			}
			p.atOnce(12, func(i int, x *exchange.Exchange) {
				if i < 2 {
					if _, err := x.ForgetOld(ctx); err != nil {
						t.Errorf("forget: %v", err)
					}
					return
				}
				if err := x.RelayText(ctx, text(i), exchange.Proof{}); err != nil {
					t.Errorf("text: %v", err)
				}
			})
			if _, err := p.store.Ride(ctx, ride.ID); err == nil { // a text that waits keeps it
				if err := storetest.SendAll(p.store); err != nil {
					t.Fatal(err)
				}
				if _, err := p.one.ForgetOld(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := p.store.Ride(ctx, ride.ID); err != masking.ErrNotFound {
				t.Fatalf("ride %d is not forgotten: %v", ride.ID, err)
			}
			for i := 2; i < 12; i++ {
				came++
				switch m, err := p.store.Inbound(ctx, text(i)); {
				case err == masking.ErrNotFound: // forgotten with its ride
				case err != nil || m.RideID != 0:
					t.Errorf("a late text is of ride %d, %v; that is gone", m.RideID, err)
				default:
					unrouted++
				}
			}
		}
		t.Logf("of %d late texts %d came when their ride was gone", came, unrouted)
	})
}

// A failed text that is forgotten between the list of those to send again and its turn, or whose
// cause is, keeps none of the others from leaving.
func TestSendAllAgain_ForgottenMeanwhile(t *testing.T) {
	clock := storetest.NewClock()
	path := filepath.Join(t.TempDir(), "birdcar.db")
	w := newTown(t, storetest.Open(t, path, clock.Now), clock)
	ride := pairUp(t, w)
	gone := w.text(t, "gone", ride.Customer.Number, ride.Proxy.Number, "hi")[0]
	w.text(t, "there", ride.Driver.Number, ride.Proxy.Number, "hi")
	w.fail(t)
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=5000")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("DELETE FROM messages WHERE id = ?", gone.CauseID); err != nil {
		t.Fatal(err)
	}
	sent, refused, err := w.SendAllAgain(context.Background())
	if err != nil || sent != 1 || refused != 1 {
		t.Errorf("%d sent, %d refused, %v; want 1 and 1", sent, refused, err)
	}
}
