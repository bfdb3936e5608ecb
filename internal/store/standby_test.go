package store_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// A text is stored while the standby is away, and the connection lost in the wait
// for it: the primary shows the text from then on. The carrier repeats it, and
// must not get its OK before the standby has it.
func TestPostgres_RepeatWaitsForTheStandby(t *testing.T) {
	primary, standby := storetest.Pair(t)
	s := storetest.Open(t, storetest.URL(primary), time.Now)
	admin, err := sql.Open("pgx", storetest.URL(primary))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	standby.Kill(t)

	text := masking.Text{CarrierID: "once", From: number(t, "447700900101"), To: number(t, "442079460001"), Body: "hi"}
	type stored struct {
		fresh bool
		err   error
	}
	take := func() <-chan stored {
		done := make(chan stored, 1)
		go func() {
			var fresh bool
			err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
				_, fresh, err = tx.AddInbound(ctx, store.Received{Text: text}, masking.Unrouted)
				return err
			})
			done <- stored{fresh, err}
		}()
		return done
	}
	waits := func(answered <-chan stored) (pid int) {
		t.Helper()
		for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); {
			select {
			case got := <-answered:
				t.Fatalf("answered with %+v while only the primary has the text", got)
			default:
			}
			if err := admin.QueryRow("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&pid); err == nil {
				return pid
			}
		}
		t.Fatal("nobody waits for the standby")
		return 0
	}

	first := take()
	if _, err := admin.Exec("SELECT pg_terminate_backend($1)", waits(first)); err != nil {
		t.Fatal(err)
	}
	if got := <-first; got.err == nil {
		t.Error("the first try was told that its text is safe")
	}
	repeat := take()
	waits(repeat)
	for _, statement := range []string{"ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()"} {
		if _, err := admin.Exec(statement); err != nil { // whoever runs it gave the standby up
			t.Fatal(err)
		}
	}
	if got := <-repeat; got.err != nil || got.fresh {
		t.Errorf("the repeat got %+v; want that the text is there", got)
	}
}

// Whoever reads while the database is gone is told so, and not that something is broken.
func TestPostgres_OutOfReach(t *testing.T) {
	primary, _ := storetest.Pair(t)
	s := storetest.Open(t, storetest.URL(primary), time.Now)
	if _, err := s.Parties(context.Background(), masking.Customer); err != nil {
		t.Fatal(err)
	}
	primary.Kill(t)
	if _, err := s.Parties(context.Background(), masking.Customer); !errors.Is(err, masking.ErrOutOfReach) {
		t.Errorf("a list: got %v, want ErrOutOfReach", err)
	}
	if _, err := s.Party(context.Background(), masking.Customer, 1); !errors.Is(err, masking.ErrOutOfReach) {
		t.Errorf("a row: got %v, want ErrOutOfReach", err)
	}
}
