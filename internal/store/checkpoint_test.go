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
	page := strings.Repeat("x", 3000)
	const rows, together = 12_000, 40
	for first := 0; first < rows; first += together {
		err := s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
			for i := first; i < first+together; i++ {
				if _, err := tx.exec(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2)", fmt.Sprint("page ", i), page); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const frame = 4096 + 24
	if most := int64(2 * walPages * frame); log.Size() > most {
		t.Errorf("the log grew to %d bytes, want %d at most", log.Size(), most)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		var busy, pages, carried int
		if err := s.write.QueryRow("PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &pages, &carried); err != nil {
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
	if err := s.row(ctx, "SELECT COUNT(*) FROM settings WHERE LENGTH(value) = $1", len(page)).Scan(&kept); err != nil || kept != rows {
		t.Errorf("%d rows are kept, %v; want %d", kept, err, rows)
	}
	if err := s.row(ctx, "PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("the database is %s, %v", integrity, err)
	}
}
