package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// tutorialSchema is the tutorials' own, as their createdb scripts write it.
const tutorialSchema = `
CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
CREATE TABLE drivers (id INTEGER PRIMARY KEY, name TEXT, number TEXT);
CREATE TABLE proxy_numbers (id INTEGER PRIMARY KEY, number TEXT);
CREATE TABLE rides (id INTEGER PRIMARY KEY, start TEXT, destination TEXT, datetime TEXT, customer_id INTEGER, driver_id INTEGER, number_id INTEGER,
	FOREIGN KEY (customer_id) REFERENCES customers(id), FOREIGN KEY (driver_id) REFERENCES drivers(id));
`

func tutorialFile(t *testing.T, rows string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ridesharing.db")
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(tutorialSchema + rows); err != nil {
		t.Fatal(err)
	}
	return path
}

func runImport(t *testing.T, database, file string) (string, error) {
	t.Helper()
	var out, log bytes.Buffer
	settings := map[string]string{"DATABASE_URL": database, "DEFAULT_COUNTRY": "GB", "TIME_ZONE": "Europe/London"}
	err := run(context.Background(), []string{"birdcar", "import", file}, func(name string) string { return settings[name] }, &out, &log)
	if log.Len() > 0 {
		t.Errorf("an import logs nothing, but: %s", &log)
	}
	return out.String(), err
}

func TestImport(t *testing.T) {
	tomorrow := time.Now().Add(24 * time.Hour).Format("2006-01-02 15:04")
	file := tutorialFile(t, `
		INSERT INTO customers VALUES (1, 'Caitlyn Carless', '447700900101'), (2, 'Danny Bikes', '07700 900102'),
			(3, 'Nobody', '31970XXXX'), (4, NULL, '447700900104'), (5, 'Pool Person', '447700900901');
		INSERT INTO drivers VALUES (1, 'David Driver', '+44 7700 900201'), (2, 'Twin', '447700900101'), (3, 'Café ☕ "Ann"', '00447700900203');
		INSERT INTO proxy_numbers VALUES (1, '447700900901'), (2, '447700900902'), (3, 'none'), (4, '447700900901');
		INSERT INTO rides VALUES
			(1, 'Station', 'Airport', '2019-03-01 10:00', 1, 1, 1),
			(2, 'Station', 'Home', '`+tomorrow+`', 2, 1, 2),
			(3, 'A', 'B', 'soon', 1, 1, 1),
			(4, 'A', 'B', '2019-03-01', 3, 1, 1),
			(5, 'A', 'B', '2019-03-01', 1, 9, 1),
			(6, 'A', 'B', '2019-03-01', 1, 1, NULL),
			(7, 'A', 'B', '2019-03-01', 1, 2, 1),
			(8, 'A', 'B', '`+tomorrow+`', 1, 1, 2);`)
	database := newDatabase(t)
	out, err := runImport(t, database, file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"Imported 2 customers, 3 drivers, 2 proxy numbers and 2 rides; 1 were here already.",
		"Refused proxy number 3: its number is not a phone number",
		"Refused customer 3: its number is not a phone number",
		"Refused customer 4: its name: The name is missing.",
		"Refused customer 5: its number is one of the proxy numbers",
		"Refused ride 3: its date and time cannot be read; want a form like 2026-11-30 18:05",
		"Refused ride 4: its customer did not come over",
		"Refused ride 5: its driver did not come over",
		"Refused ride 6: its proxy number did not come over",
		"Refused ride 7: its customer and driver have the same phone number",
		"Refused ride 8: another current ride of the same person has its number",
	}
	if got := strings.Split(strings.TrimSpace(out), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", out, strings.Join(want, "\n"))
	}

	s := storetest.Open(t, database, time.Now)
	ctx := context.Background()
	number := func(digits string) masking.Number {
		n, err := masking.ParseCarrier(digits, "GB")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	route, err := s.Route(ctx, number("447700900902"), number("447700900102"))
	if err != nil || route.Peer != number("447700900201") {
		t.Errorf("the coming ride connects its customer to %s, %v; want its driver", route.Peer, err)
	}
	if route, err := s.ReleasedRoute(ctx, number("447700900901"), number("447700900101")); err != nil || route.Released.IsZero() {
		t.Errorf("the old ride left %v, %v; want a released route", route, err)
	}
	if waiting, err := s.NextDue(ctx); err != nil || !waiting.IsZero() {
		t.Errorf("a message is due at %v, %v; an import texts nobody", waiting, err)
	}

	t.Run("again", func(t *testing.T) {
		out, err := runImport(t, database, file)
		if err != nil || !strings.HasPrefix(out, "Imported 0 customers, 0 drivers, 0 proxy numbers and 0 rides; 10 were here already.\n") {
			t.Errorf("got %q, %v; want nothing new", out, err)
		}
	})
}

// Which of two figures is the month is a country's custom.
func TestImport_DatesInFigures(t *testing.T) {
	for country, want := range map[string]string{"US": "2030-12-01 10:00", "PH": "2030-12-01 10:00", "NL": "2030-01-12 10:00", "GB": "2030-01-12 10:00"} {
		for _, typed := range []string{"12/01/2030 10:00", "12-1-2030 10:00", "12.01.2030 10:00"} {
			file := tutorialFile(t, `
				INSERT INTO customers VALUES (1, 'Caitlyn Carless', '+447700900101');
				INSERT INTO drivers VALUES (1, 'David Driver', '+447700900201');
				INSERT INTO proxy_numbers VALUES (1, '+447700900901');
				INSERT INTO rides VALUES (1, 'Station', 'Airport', '`+typed+`', 1, 1, 1), (2, 'Station', 'Airport', '13/13/2030 10:00', 1, 1, 1);`)
			database := newDatabase(t)
			out, err := runCommand("import", map[string]string{"DATABASE_URL": database, "DEFAULT_COUNTRY": country, "TIME_ZONE": "UTC"}, file)
			if err != nil || !strings.Contains(out, " and 1 rides;") || !strings.Contains(out, "Refused ride 2: its date and time cannot be read") {
				t.Fatalf("%s: %q, %v", country, out, err)
			}
			rides, err := storetest.Open(t, database, time.Now).CurrentRides(context.Background(), 1)
			if err != nil || len(rides) != 1 {
				t.Fatalf("%s: %d rides, %v", country, len(rides), err)
			}
			if got := rides[0].At.UTC().Format("2006-01-02 15:04"); got != want {
				t.Errorf("%s reads %s as %s, want %s", country, typed, got, want)
			}
		}
	}
}

func TestImport_Ours(t *testing.T) {
	ours := newDatabase(t)
	if out, err := runCommand("generate", map[string]string{"DATABASE_URL": ours}, "--rides", "10", "--numbers", "10"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := runImport(t, newDatabase(t), ours); err == nil || !strings.Contains(err.Error(), "is BirdCar's own database; use copy") {
		t.Errorf("got %v, want a hint at copy", err)
	}
}

// A tutorial's database is no place for ours, whatever is done with it: it stays as it is, and
// whoever named it reads what to do.
func TestImport_IntoATutorials(t *testing.T) {
	file := tutorialFile(t, "INSERT INTO customers VALUES (1, 'Caitlyn Carless', '447700900101');")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"ADDR": "127.0.0.1:0", "DATABASE_URL": file, "DEFAULT_COUNTRY": "GB"}
	elsewhere := filepath.Join(filepath.Dir(file), "copy.db")
	for _, arguments := range [][]string{{}, {"import", file}, {"generate"}, {"backup", elsewhere}, {"copy", "--from", file, "--to", newDatabase(t)}} {
		err := run(context.Background(), append([]string{"birdcar"}, arguments...), func(name string) string { return env[name] }, io.Discard, io.Discard)
		want := file + ": it is a tutorial's database; choose another file and run `birdcar import " + file + "`"
		if err == nil || !strings.HasSuffix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want %s", arguments, err, want)
		}
	}
	after, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed, %v", err)
	}
	if files, err := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); err != nil || len(files) != 1 {
		t.Errorf("there are now %q, %v", files, err)
	}
}

// Where an older BirdCar tried to move in, a table is left.
func TestImport_AfterAnOlderBirdCar(t *testing.T) {
	file := tutorialFile(t, `
		INSERT INTO customers VALUES (1, 'Caitlyn Carless', '447700900101');
		CREATE TABLE goose_db_version (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL);
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, 1);
		PRAGMA journal_mode = wal;`)
	if out, err := runImport(t, newDatabase(t), file); err != nil || !strings.HasPrefix(out, "Imported 1 customers") {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestImport_NotATutorial(t *testing.T) {
	for name, file := range map[string]string{
		"missing":    filepath.Join(t.TempDir(), "none.db"),
		"other text": "import_test.go",
	} {
		t.Run(name, func(t *testing.T) {
			database := newDatabase(t)
			out, err := runImport(t, database, file)
			if err == nil || out != "" || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %q, %v; want one line of error", out, err)
			}
		})
	}
}

// Who stops an import in the middle has imported nothing.
func TestImport_Stopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := storetest.Open(t, newDatabase(t), func() time.Time { // asked when a transaction begins
		stop()
		return time.Now()
	})
	x, err := exchange.New(exchange.Config{Store: s, Outbox: noOutbox{}, Zone: time.UTC, Country: "GB",
		RideLimit: 24 * time.Hour, Linger: 4 * time.Hour, Lease: outbox.Lease, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	done, err := x.Import(ctx, store.Tutorial{Customers: []store.TutorialParty{{ID: 1, Name: "Ada", Number: "+447700900101"}}})
	if !errors.Is(err, context.Canceled) || done.Customers != 0 {
		t.Errorf("got %+v, %v; want it stopped", done, err)
	}
	if empty, err := s.Empty(context.Background()); err != nil || !empty {
		t.Errorf("something was imported, %v", err)
	}
}

// A number that was retired here connects nobody again because a tutorial's ride has it.
func TestImport_RetiredNumber(t *testing.T) {
	file := tutorialFile(t, `
		INSERT INTO customers VALUES (1, 'Caitlyn Carless', '+447700900101');
		INSERT INTO drivers VALUES (1, 'David Driver', '+447700900201');
		INSERT INTO proxy_numbers VALUES (1, '+447700900901');
		INSERT INTO rides VALUES (1, 'A', 'B', '`+time.Now().Add(24*time.Hour).Format("2006-01-02 15:04")+`', 1, 1, 1), (2, 'A', 'B', '2019-03-01', 1, 1, 1);`)
	database := newDatabase(t)
	s := storetest.Open(t, database, time.Now)
	retired, err := masking.ParseCarrier("447700900901", "GB")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		n, err := tx.AddProxyNumber(ctx, retired)
		if err != nil {
			return err
		}
		return tx.SetPoolState(ctx, n.ID, masking.Retired)
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := runImport(t, database, file)
	if err != nil || !strings.Contains(out, "and 1 rides;") || !strings.Contains(out, "Refused ride 1: its proxy number is retired here\n") {
		t.Errorf("got %v\n%s", err, out)
	}
	n, err := s.FindProxy(context.Background(), retired)
	if err != nil || n.State != masking.Retired || n.LiveRoutes != 0 {
		t.Errorf("the number is %+v, %v", n, err)
	}
}
