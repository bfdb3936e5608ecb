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

// A piece of forgetting is small however many numbers somebody had, and PostgreSQL, too, finds
// what is in it by an index, among very many uses.
func TestForgetUses_Pieces(t *testing.T) {
	const phones, numbers, limit = 40, 500, 200
	for driver, url := range map[string]string{"sqlite3": filepath.Join(t.TempDir(), "birdcar.db"), "pgx": storetest.Postgres(t)} {
		t.Run(driver, func(t *testing.T) {
			ctx := context.Background()
			s := storetest.Open(t, url, time.Now)
			do := func(work func(ctx context.Context, tx *store.Tx) error) {
				t.Helper()
				if err := s.Tx(ctx, work); err != nil {
					t.Fatal(err)
				}
			}
			db, err := sql.Open(driver, url)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			for _, statement := range []string{
				fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
					INSERT INTO proxy_numbers (number, country, state, available_seq, created_at)
					SELECT '+4477009' || (10000 + i), 'GB', 'available', i, 1 FROM n`, numbers),
				fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
					INSERT INTO number_uses (party, number_id, country, assignable, live, used_at)
					SELECT '+4476009' || (10000 + n.i), p.id, 'GB', TRUE, FALSE, 1000 + p.id FROM n CROSS JOIN proxy_numbers p`, phones),
				fmt.Sprintf(`INSERT INTO pool_walks (party, country, available_seq)
					SELECT DISTINCT party, country, CAST(%d AS BIGINT) FROM number_uses WHERE party LIKE '%%1' OR party LIKE '%%3'`, numbers),
				"ANALYZE",
			} {
				if _, err := db.Exec(statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			if driver == "pgx" {
				if plan, err := s.ExplainForgetUses(ctx); err != nil || strings.Contains(plan, "Seq Scan on number_uses") {
					t.Errorf("%v\n%s", err, plan)
				}
			}

			uses := func() (n, old int) {
				t.Helper()
				if err := db.QueryRow("SELECT COUNT(*), COUNT(CASE WHEN used_at > 0 THEN 1 END) FROM number_uses").Scan(&n, &old); err != nil {
					t.Fatal(err)
				}
				return n, old
			}
			for left := phones * numbers; left > 0; {
				var forgotten int
				do(func(ctx context.Context, tx *store.Tx) (err error) {
					forgotten, err = tx.ForgetUses(ctx, time.Now(), limit)
					return err
				})
				if forgotten < 1 || forgotten > limit {
					t.Fatalf("a piece of %d, want %d at most", forgotten, limit)
				}
				left -= forgotten
				if _, old := uses(); old != left {
					t.Fatalf("%d are left, want %d", old, left)
				}
			}
			listed, err := s.ListedPhones(ctx, masking.Number{}, 1000)
			if err != nil || len(listed) != 8 {
				t.Fatalf("%d phones have lists, %v; want 8", len(listed), err)
			}
			if n, _ := uses(); n != len(listed)*numbers {
				t.Errorf("%d numbers are on lists, want %d", n, len(listed)*numbers)
			}
			for _, l := range listed {
				pieces := 0
				for more := true; more; pieces++ {
					do(func(ctx context.Context, tx *store.Tx) (err error) {
						more, err = tx.ForgetList(ctx, l.Phone, limit)
						return err
					})
				}
				if want := numbers/limit + 1; pieces != want {
					t.Errorf("a list went in %d pieces, want %d", pieces, want)
				}
			}
			if listed, err := s.ListedPhones(ctx, masking.Number{}, 1000); err != nil || len(listed) > 0 {
				t.Errorf("left: %v, %v", listed, err)
			}
			if n, _ := uses(); n > 0 {
				t.Errorf("%d rows are left of phones that nobody has", n)
			}
		})
	}
}
