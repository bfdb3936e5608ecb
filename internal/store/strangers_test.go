package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

const (
	tutorialTables = "CREATE TABLE customers (id INTEGER); CREATE TABLE drivers (id INTEGER); CREATE TABLE proxy_numbers (id INTEGER); CREATE TABLE rides (id INTEGER);"
	gooseTable     = "CREATE TABLE goose_db_version (id INTEGER, version_id INTEGER);"
)

// A database that somebody else made is refused before anything is written.
func TestOpen_Strangers(t *testing.T) {
	const tutorials, strange = "it is a tutorial's database; choose another file and run `birdcar import ", "it holds tables that are not BirdCar's; choose another"
	for name, test := range map[string]struct{ made, file, postgres string }{
		"a tutorial's":                           {tutorialTables, tutorials, strange},
		"a tutorial's after an older BirdCar":    {tutorialTables + gooseTable, tutorials, strange},
		"part of a tutorial's":                   {"CREATE TABLE customers (id INTEGER);", strange, strange},
		"another program's":                      {"CREATE TABLE routes (id INTEGER);", strange, strange},
		"another program's, with the migrations": {"CREATE TABLE users (id INTEGER);" + gooseTable, strange, strange},
		"nobody's":                               {"CREATE TABLE gone (id INTEGER); DROP TABLE gone;", "", ""},
	} {
		for _, journal := range []string{"delete", "wal"} {
			t.Run("sqlite "+journal+"/"+name, func(t *testing.T) {
				folder := t.TempDir()
				path := filepath.Join(folder, "ridesharing.db")
				makeTables(t, "sqlite3", path, "PRAGMA journal_mode = "+journal+";"+test.made)
				before, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				refuses(t, path, test.file)
				if _, err := store.Backup(context.Background(), path, filepath.Join(folder, "copy.db")); test.file != "" && (err == nil || !strings.Contains(err.Error(), test.file)) {
					t.Errorf("backup: got %v, want %s", err, test.file)
				}
				after, err := os.ReadFile(path)
				if err != nil || test.file != "" && !bytes.Equal(before, after) {
					t.Errorf("the file was changed, %v", err)
				}
				if files, err := filepath.Glob(filepath.Join(folder, "*")); err != nil || test.file != "" && len(files) != 1 {
					t.Errorf("there are now %q, %v", files, err)
				}
			})
		}
		t.Run("postgres/"+name, func(t *testing.T) {
			url := storetest.Postgres(t)
			makeTables(t, "pgx", url, test.made)
			refuses(t, url, test.postgres)
			if tables := tablesIn(t, url); test.postgres != "" && tables != strings.Count(test.made, "CREATE TABLE") {
				t.Errorf("there are now %d tables", tables)
			}
		})
	}
}

func makeTables(t *testing.T, driver, url, statements string) {
	t.Helper()
	db, err := sql.Open(driver, url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func refuses(t *testing.T, url, want string) {
	t.Helper()
	s, err := store.Open(context.Background(), url, time.Now)
	if err == nil {
		err = s.Close()
		if want != "" || err != nil {
			t.Errorf("it was opened, and closed with %v", err)
		}
		return
	}
	if want == "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want %q in one line", err, want)
	}
}

func tablesIn(t *testing.T, url string) (count int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&count); err != nil {
		t.Fatal(err)
	}
	return count
}
