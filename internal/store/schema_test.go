package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
	"birdcar/migrations"
)

// The two folders of migrations are kept by hand; nothing else tells that one of
// them was forgotten.
func TestSchema_SameOnBothEngines(t *testing.T) {
	var names [2][]string
	for i, folder := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(migrations.FS, folder+"/*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			names[i] = append(names[i], filepath.Base(file))
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.Errorf("migrations/sqlite has %q, migrations/postgres %q", names[0], names[1])
	}

	sqlite := storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
	postgres := storetest.Open(t, storetest.Postgres(t), time.Now)
	compare(t, "SQLite", "PostgreSQL",
		describe(t, sqlite, `SELECT m.name || '.' || c.name, c.type || CASE WHEN c."notnull" OR c.pk THEN ' NOT NULL' ELSE '' END
			FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version'`),
		describe(t, postgres, `SELECT table_name || '.' || column_name, data_type || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'goose_%'`))
	compare(t, "SQLite", "PostgreSQL",
		describe(t, sqlite, `SELECT 'index ' || name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL`),
		describe(t, postgres, `SELECT 'index ' || indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
			AND tablename NOT LIKE 'goose_%' AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)`))

	tables := map[string]bool{}
	for name := range describe(t, sqlite, "SELECT name, '' FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'") {
		tables[name] = true
		if !slices.Contains(store.Copied, name) {
			t.Errorf("the table %s is not copied to another database: put it into the list copied, after those it refers to", name)
		}
	}
	for _, name := range store.Copied {
		if !tables[name] {
			t.Errorf("the table %s is copied to another database but does not exist", name)
		}
	}
}

// A ride that is deleted must not have SQLite read all texts, for none that refers to it; and a call may
// outlive its ride, also in a copy.
func TestSchema_References(t *testing.T) {
	sqlite := storetest.Open(t, filepath.Join(t.TempDir(), "birdcar.db"), time.Now)
	postgres := storetest.Open(t, storetest.Postgres(t), time.Now)
	want := map[string]string{
		"messages.cause_id": "messages",
		"rides.customer_id": "customers", "rides.driver_id": "drivers", "rides.number_id": "proxy_numbers",
		"routes.ride_id": "rides", "number_uses.number_id": "proxy_numbers", "roster_lines.roster_id": "rosters",
	}
	got := describe(t, sqlite, `SELECT m.name || '.' || f."from", f."table" FROM sqlite_master m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`)
	if !maps.Equal(got, want) {
		t.Errorf("SQLite: got %v\nwant %v", got, want)
	}
	want["messages.ride_id"] = "rides" // by an index: two processes may delete a ride and add a text
	got = describe(t, postgres, `SELECT conrelid::regclass || '.' || attname, confrelid::regclass::text FROM pg_constraint
		JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] WHERE contype = 'f'`)
	if !maps.Equal(got, want) {
		t.Errorf("PostgreSQL: got %v\nwant %v", got, want)
	}
}

// What an older BirdCar would write may not fit a newer schema, so it does not start on one.
func TestSchema_Newer(t *testing.T) {
	postgres := storetest.Postgres(t)
	for driver, url := range map[string]string{"sqlite3": filepath.Join(t.TempDir(), "birdcar.db"), "pgx": postgres} {
		s, err := store.Open(context.Background(), url, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open(driver, url)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (1000, $1)", true); err != nil {
			t.Fatal(err)
		}
		s, err = store.Open(context.Background(), url, time.Now)
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened a database of a newer BirdCar", driver)
		} else if got := err.Error(); !strings.Contains(got, "made by a newer BirdCar (migration 1000; this one knows ") || strings.Contains(got, "\n") {
			t.Errorf("%s: got %s", driver, got)
		}
	}
}

// migrated is an engine's database that is to be brought to an older schema and back.
type migrated struct {
	driver, folder string
	dialect        goose.Dialect
	url            string
}

func engines(t *testing.T) []migrated {
	t.Helper()
	return []migrated{
		{"sqlite3", "sqlite", goose.DialectSQLite3, filepath.Join(t.TempDir(), "birdcar.db")},
		{"pgx", "postgres", goose.DialectPostgres, storetest.Postgres(t)},
	}
}

// downTo gives the database, which nobody has open, the schema of a version, and does something there.
func (m migrated) downTo(t *testing.T, version int64, do func(*sql.DB)) {
	t.Helper()
	db, err := sql.Open(m.driver, m.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	files, err := fs.Sub(migrations.FS, m.folder)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(m.dialect, db, files, store.GoMigrations())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.DownTo(context.Background(), version); err != nil {
		t.Fatal(err)
	}
	do(db)
}

// describe reads names and what they are, in words that both engines share.
func describe(t *testing.T, s *store.Store, query string) map[string]string {
	t.Helper()
	all := map[string]string{}
	rows, err := s.Pairs(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range rows {
		all[pair[0]] = shared.Replace(pair[1])
		if strings.HasPrefix(pair[0], "index ") {
			all[pair[0]] = fmt.Sprint("unique: ", strings.HasPrefix(pair[1], "CREATE UNIQUE"), ", partial: ", strings.Contains(pair[1], " WHERE "))
		}
	}
	return all
}

// shared spells PostgreSQL's types as SQLite's.
var shared = strings.NewReplacer("bigint", "BIGINT", "INTEGER", "BIGINT", "text", "TEXT", "boolean", "BOOLEAN", "bytea", "BLOB")

func compare(t *testing.T, one, other string, a, b map[string]string) {
	t.Helper()
	if len(a) == 0 {
		t.Fatal("nothing was found")
	}
	for name := range maps.Keys(a) {
		if a[name] != b[name] {
			t.Errorf("%s is %q with %s and %q with %s", name, a[name], one, b[name], other)
		}
	}
	for name := range maps.Keys(b) {
		if _, there := a[name]; !there {
			t.Errorf("%s is only in %s", name, other)
		}
	}
}
