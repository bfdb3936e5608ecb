package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// The log is carried over beside the writer, long before the writer would do it, and
// begins anew although the writer never rests.
func TestCheckpoint(t *testing.T) {
	path := filepath.Join(t.TempDir(), "birdcar.db")
	s := storetest.Open(t, path, time.Now)
	beside, err := sql.Open("sqlite3", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer beside.Close()
	look := func() (log, carried int) {
		t.Helper()
		var busy int
		if err := beside.QueryRow("PRAGMA wal_checkpoint = NOOP").Scan(&busy, &log, &carried); err != nil {
			t.Fatal(err)
		}
		return log, carried
	}
	texts := 0
	add := func(pages int) {
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			texts++
			_, _, err := tx.AddInbound(ctx, masking.Text{CarrierID: fmt.Sprint(texts), From: number(t, "447700900101"), To: number(t, "447700900901"),
				Body: strings.Repeat("x", pages*4096)}, masking.Unrouted, 0)
			return err
		})
	}

	for range 20 {
		add(100)
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		log, carried := look()
		if log < 2000 || log > 4000 {
			t.Fatalf("the log has %d pages; want 2,000 and a few, or this shows nothing", log)
		}
		if log-carried < 1000 {
			break
		}
		if time.Since(began) > 10*time.Second {
			t.Fatalf("%d of %d pages were carried over", carried, log)
		}
	}

	longest := 0
	for range 500 {
		add(100)
		log, _ := look()
		longest = max(longest, log)
	}
	if longest < 8000 || longest > 24_000 {
		t.Errorf("of 50,000 pages written the log once held %d, want about 8,000", longest)
	}
}
