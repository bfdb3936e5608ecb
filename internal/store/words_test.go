package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// The words that an older BirdCar stored, accents and all, are found by the letters alone, and go
// with what they are about.
func TestSchema_FoldedWords(t *testing.T) {
	for _, engine := range engines(t) {
		t.Run(engine.folder, func(t *testing.T) {
			clock := storetest.NewClock()
			s := storetest.Open(t, engine.url, clock.Now)
			p := newPlace(t, s, clock)
			const many = 10_100 // more than are read at a time
			names := []string{"Zoë Łoś", "Ada Straße", "José Müller"}
			people := make([]masking.Party, len(names))
			for i, name := range names {
				people[i] = masking.Party{Role: masking.Customer, Name: name, Number: number(t, fmt.Sprint(447700900110+i))}
			}
			p.tx(func(ctx context.Context, tx *store.Tx) error {
				for i := range people {
					if err := tx.AddParty(ctx, &people[i]); err != nil {
						return err
					}
				}
				return nil
			})
			want := words(t, s)
			_ = s.Close()

			engine.downTo(t, 9, func(db *sql.DB) {
				exec := func(statement string, args ...any) {
					if _, err := db.Exec(statement, args...); err != nil {
						t.Fatal(err)
					}
				}
				for old, now := range map[string]string{"zoë": "zoe", "łoś": "los", "straße": "strasse", "josé": "jose", "müller": "muller"} {
					exec("UPDATE words SET word = $1 WHERE word = $2", old, now)
				}
				// One person may have both.
				exec("INSERT INTO words (about, word, id) VALUES ('customer name', 'muller', $1)", people[2].ID)
				exec(fmt.Sprintf(`INSERT INTO words (about, word, id) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
					SELECT 'place', CASE WHEN i < 10000 THEN 'a' ELSE 'ü' END || i, i FROM n`, many))
			})
			for i := 1; i <= many; i++ {
				letter := "a"
				if i >= 10_000 {
					letter = "u"
				}
				want[fmt.Sprint("place ", letter, i, " ", i)] = true
			}
			s = storetest.Open(t, engine.url, clock.Now)
			if got := words(t, s); !maps.Equal(got, want) {
				t.Errorf("%d words, want %d; of the names: %q", len(got), len(want), slices.Sorted(maps.Keys(got))[:20])
			}
			for typed, name := range map[string]string{"zoe": names[0], "Łoś": names[0], "STRASSE": names[1], "straße": names[1], "jose muller": names[2]} {
				found, _, err := s.ListParties(context.Background(), store.PartyList{Role: masking.Customer, Terms: masking.Terms(typed, "GB"), Limit: 10})
				if err != nil || len(found) != 1 || found[0].Name != name {
					t.Errorf("%q finds %v, %v; want %s", typed, found, err, name)
				}
			}
			p.Store = s
			for _, person := range people {
				person.Name = "Somebody Else"
				p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.SetParty(ctx, person, person.Number) })
			}
			for word := range words(t, s) {
				if name, ok := strings.CutPrefix(word, "customer name "); ok && slices.Contains([]string{"zoe", "los", "strasse", "jose", "muller"}, strings.Fields(name)[0]) {
					t.Errorf("%q outlived the name", word)
				}
			}
		})
	}
}

// words are all that a search finds things by.
func words(t *testing.T, s *store.Store) map[string]bool {
	t.Helper()
	rows, err := s.Pairs(context.Background(), "SELECT about || ' ' || word, CAST(id AS TEXT) FROM words")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]bool{}
	for _, row := range rows {
		all[row[0]+" "+row[1]] = true
	}
	return all
}
