package store

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// While much is written the log is carried over beside the writer, and begun anew before it has
// grown long; what was written is all there, also in the file alone.
func TestCheckpointer(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "birdcar.db")
	s, err := Open(ctx, path, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const rows = 12_000
	writePages(t, s, rows)
	log, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const frame = 4096 + 24
	if most := int64(2 * walPages * frame); log.Size() > most {
		t.Errorf("the log grew to %d bytes, want %d at most", log.Size(), most)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, pages, carried, err := s.checkpointer.checkpoint("NOOP")
		if err != nil {
			t.Fatal(err)
		}
		if pages-carried < carryPages || pages >= walPages {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %d pages in the log %d are carried over", pages, carried)
		}
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if s, err = Open(ctx, path, time.Now); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var kept int
	var integrity string
	if err := s.row(ctx, "SELECT COUNT(*) FROM settings WHERE LENGTH(value) = $1", len(aPage)).Scan(&kept); err != nil || kept != rows {
		t.Errorf("%d rows are kept, %v; want %d", kept, err, rows)
	}
	if err := s.row(ctx, "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("the database is %s, %v", integrity, err)
	}
}

// Somebody who reads for long, as a backup does, keeps the log from being carried over, and the
// checkpointer does not try without end.
func TestCheckpointer_Reader(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := s.read.QueryContext(ctx, "SELECT name FROM settings UNION ALL SELECT name FROM sqlite_schema")
	if err != nil || !rows.Next() {
		t.Fatal(err)
	}
	defer rows.Close()
	writePages(t, s, 2*carryPages)
	returned := make(chan bool)
	go func() {
		s.checkpointer.carry()
		close(returned)
	}()
	select {
	case <-returned:
	case <-time.After(30 * time.Second):
		t.Error("it still tries")
	}
	if _, log, carried, err := s.checkpointer.checkpoint("NOOP"); err != nil || log-carried < carryPages {
		t.Errorf("%d of %d pages are carried over, %v, although somebody reads what was before them", carried, log, err)
	}
	_ = rows.Close()
	s.checkpointer.carry()
	if _, log, carried, err := s.checkpointer.checkpoint("NOOP"); err != nil || log-carried >= carryPages {
		t.Errorf("%d of %d pages are carried over, %v, now that nobody reads", carried, log, err)
	}
}

var aPage = strings.Repeat("x", 3000)

// writePages fills pages, some at a time.
func writePages(t *testing.T, s *Store, pages int) {
	t.Helper()
	const together = 40
	for first := 0; first < pages; first += together {
		err := s.Tx(context.Background(), func(ctx context.Context, tx *Tx) error {
			for i := first; i < first+together; i++ {
				if _, err := tx.exec(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2)", fmt.Sprint("page ", i), aPage); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
