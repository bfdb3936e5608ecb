package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// A database and two that were started on from one copy of it give the same ids to different
// messages, and each of these has a reference that only its own database knows. What was
// there when the copy was made keeps its reference, also in copies of copies.
func TestReference_Copies(t *testing.T) {
	for name, of := range map[string]struct {
		database func(t *testing.T) string
		restore  func(t *testing.T, url string) (one, other string)
	}{
		"a file":     {func(t *testing.T) string { return filepath.Join(t.TempDir(), "birdcar.db") }, restoreFile},
		"PostgreSQL": {func(t *testing.T) string { return storetest.Postgres(t) }, restorePostgres},
	} {
		t.Run(name, func(t *testing.T) {
			url := of.database(t)
			during(t, url, func(*store.Store) {})
			var here, elsewhere []masking.Message
			for range 2 {
				one, other := of.restore(t, url)
				var last masking.Message
				for i, url := range []string{url, other, one} {
					before := last
					during(t, url, func(s *store.Store) { last = enqueue(t, s, "447700900101", "Hello") })
					if i > 0 && last.ID != before.ID {
						t.Errorf("the same message has id %d in the original and %d in the copy", before.ID, last.ID)
					}
					during(t, url, func(s *store.Store) { wantReported(t, s, append(here, last), elsewhere) })
					elsewhere = append(elsewhere, last)
				}
				url, here, elsewhere = one, append(here, last), elsewhere[:len(elsewhere)-1]
			}
		})
	}
}

// restoreFile makes two databases of one backup.
func restoreFile(t *testing.T, url string) (one, other string) {
	t.Helper()
	one, other = filepath.Join(t.TempDir(), "one.db"), filepath.Join(t.TempDir(), "other.db")
	if _, err := store.Backup(context.Background(), url, one); err != nil {
		t.Fatal(err)
	}
	backup, err := os.ReadFile(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, backup, 0o600); err != nil {
		t.Fatal(err)
	}
	return one, other
}

var psqlCommand = regexp.MustCompile(`(?s)psql .*--command="([^"]+)"`)

// restorePostgres makes two databases with all that is in one, as pg_restore does, and then runs
// what the README says.
func restorePostgres(t *testing.T, url string) (one, other string) {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	command := psqlCommand.FindSubmatch(readme)
	if command == nil {
		t.Fatal("the README has no command for psql")
	}
	restore := func() string {
		to := storetest.Postgres(t)
		during(t, url, func(from *store.Store) {
			during(t, to, func(to *store.Store) {
				if err := from.CopyTo(context.Background(), to, func(store.CopiedTable) {}); err != nil {
					t.Fatal(err)
				}
			})
		})
		db, err := sql.Open("pgx", to)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(string(command[1])); err != nil {
			t.Fatal(err)
		}
		during(t, to, func(s *store.Store) {
			waiting, err := s.Pairs(context.Background(), "SELECT CAST(id AS TEXT), reason FROM messages WHERE state = 'queued' AND uncertain_at = 0")
			if err != nil || len(waiting) > 0 {
				t.Errorf("the carrier would not be asked about %v, %v", waiting, err)
			}
		})
		return to
	}
	return restore(), restore()
}

// during does something in a run of its own on the database at url.
func during(t *testing.T, url string, do func(*store.Store)) {
	t.Helper()
	s, err := store.Open(context.Background(), url, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	do(s)
}

// wantReported fails unless reports about messages here find these, and those about others none.
func wantReported(t *testing.T, s *store.Store, here, elsewhere []masking.Message) {
	t.Helper()
	write(t, s, func(ctx context.Context, tx *store.Tx) error {
		for _, m := range here {
			got, err := tx.ByReport(ctx, masking.Report{Reference: m.Reference})
			if err != nil || got.ID != m.ID || got.Reference != m.Reference {
				t.Errorf("report %s finds message %d, %s, %v; want %d", m.Reference, got.ID, got.Reference, err, m.ID)
			}
		}
		for _, m := range elsewhere {
			if got, err := tx.ByReport(ctx, masking.Report{Reference: m.Reference}); !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("report %s of another database finds message %d, %v; want none", m.Reference, got.ID, err)
			}
		}
		return nil
	})
}
