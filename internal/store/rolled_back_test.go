package store

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
)

// When SQLite runs out of memory in a read, it rolls back what others did in the same transaction,
// and goes on without one: then a text could be stored and what forwards it not. In a process of its
// own, because SQLite's limit on memory is for all of one.
func TestTx_RolledBackBySQLite(t *testing.T) {
	const inside = "BIRDCAR_TEST_LITTLE_MEMORY"
	if os.Getenv(inside) == "" {
		test := exec.Command(os.Args[0], "-test.run=^TestTx_RolledBackBySQLite$", "-test.v")
		test.Env = append(os.Environ(), inside+"=yes")
		if out, err := test.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	phone, err := masking.ParseNumber("+447700900101", "GB")
	if err != nil {
		t.Fatal(err)
	}
	text := masking.Text{CarrierID: "one", From: phone, To: phone, Body: "hi"}

	held, release := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { // so that the others share a transaction
		_ = s.Tx(ctx, func(context.Context, *Tx) error { close(held); <-release; return nil })
	})
	<-held
	waits := func(jobs int) {
		for len(s.writer.jobs) < jobs {
			time.Sleep(time.Millisecond)
		}
	}
	all.Go(func() {
		err := s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
			if err := tx.row(ctx, "PRAGMA hard_heap_limit = 80000000").Scan(new(int64)); err != nil {
				return err
			}
			return tx.row(ctx, "SELECT length(hex(randomblob(200000000))) FROM sqlite_master").Scan(new(int64))
		})
		if err == nil {
			t.Error("there was memory enough")
		}
	})
	waits(1)
	failures := 1
	all.Go(func() {
		err := s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
			_, fresh, err := tx.AddInbound(ctx, Received{Text: text}, masking.Relayed)
			if err == nil && !fresh {
				t.Error("half of what was rolled back is there")
			}
			if failures--; err == nil && failures >= 0 {
				err = errors.New("as the test wants it")
			}
			return err
		})
		if err == nil || failures != 0 {
			t.Errorf("got %v, and %d more tries", err, -failures)
		}
	})
	waits(2)
	close(release)
	all.Wait()
	if in, err := s.Inbound(ctx, text); !errors.Is(err, masking.ErrNotFound) {
		t.Errorf("message %d of a transaction that failed is there, %v", in.ID, err)
	}
}
