package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// Two instances on one database are one BirdCar: who signed in at one is signed in
// at the other, a ride made at one connects at the other, and a page open at one
// hears of it.
func TestPostgres_TwoInstances(t *testing.T) {
	carrier := newMessageBird(t)
	database := storetest.Postgres(t)
	env := map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": carrier.URL, "ADMIN_PASSWORD": "correct horse"}
	one, other := start(t, database, env), start(t, database, env)
	if one.token != other.token {
		t.Fatalf("the webhooks' tokens differ: %q and %q", one.token, other.token)
	}
	const ada, ben, proxy = "+447700900111", "+447700900222", "+442079460123"
	a := signedIn(t, one.base, "correct horse")
	a.post("/customers", url.Values{"name": {"Ada"}, "number": {ada}})
	a.post("/drivers", url.Values{"name": {"Ben"}, "number": {ben}})
	a.post("/numbers", url.Values{"number": {proxy}})

	b := *a // with the same cookies: a browser sends them to every port of a host
	b.base = other.base
	if got := b.get("/"); got.status != http.StatusOK || !strings.Contains(got.body, "Ada") {
		t.Fatalf("at the other instance the home page answers %d, without the customer", got.status)
	}
	changes := b.follow("/events")
	a.ride("Ada", "Ben", time.Now().Add(time.Hour))
	select {
	case <-changes:
	case <-time.After(patience):
		t.Errorf("a page at the other instance was not told of the ride\n%s\n%s", one.log, other.log)
	}
	carrier.wait(t, 2)

	if got := other.callIn(t, ada, proxy); got.body != transferTo(ben) {
		t.Errorf("a call at the other instance is answered with %q", got.body)
	}
	for _, i := range []*instance{one, other, one} {
		if got := i.textIn(t, "repeated", ada, proxy, "hello"); got.status != http.StatusOK {
			t.Errorf("a text, or its repeat: status %d", got.status)
		}
	}
	if got := other.textIn(t, "last", ben, proxy, "bye"); got.status != http.StatusOK {
		t.Errorf("a text at the other instance: status %d", got.status)
	}
	if got := carrier.wait(t, 4); len(got) != 4 {
		t.Errorf("%d messages reached MessageBird; want 4", len(got))
	}
	one.stop()
	other.stop()
	if got := carrier.wait(t, 4); len(got) != 4 {
		t.Errorf("%d messages reached MessageBird; want 4", len(got))
	}
}

// follow tells each change that a page's stream of events tells.
func (a *admin) follow(path string) <-chan struct{} {
	a.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	a.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	endless := &http.Client{Jar: a.client.Jar}
	response, err := endless.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() { // its greeting: from here on nothing is missed
		a.t.Fatalf("GET %s: %d, %v", path, response.StatusCode, lines.Err())
	}
	changes := make(chan struct{}, 100)
	go func() {
		defer response.Body.Close()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "event:") {
				select {
				case changes <- struct{}{}:
				default:
				}
			}
		}
	}()
	return changes
}

func TestCopy(t *testing.T) {
	carrier := newMessageBird(t)
	env := map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": carrier.URL, "ADMIN_PASSWORD": "correct horse"}
	file := newDatabase(t)
	const ada, ben, proxy = "+447700900111", "+447700900222", "+442079460123"
	before := start(t, file, env)
	a := signedIn(t, before.base, "correct horse")
	a.post("/customers", url.Values{"name": {"Ada"}, "number": {ada}})
	a.post("/drivers", url.Values{"name": {"Ben"}, "number": {ben}})
	a.post("/numbers", url.Values{"number": {proxy}})
	a.ride("Ada", "Ben", time.Now().Add(time.Hour))
	carrier.wait(t, 2)
	before.stop()

	database := storetest.Postgres(t)
	printed, err := copyTo(t, "--from", file, "--to", database)
	if err != nil || !strings.Contains(printed, "each table is the same in both") {
		t.Fatalf("%v\n%s", err, printed)
	}
	t.Log(printed)
	if _, err := copyTo(t, "--from", file, "--to", database); err == nil || !strings.Contains(err.Error(), "not empty: make a new one for the copy") {
		t.Errorf("copied over data: %v; want a refusal", err)
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	if _, err := copyTo(t, "--from", missing, "--to", newDatabase(t)); err == nil {
		t.Error("a database that does not exist was copied")
	}
	for _, wrong := range [][]string{{}, {"--from", file}, {"--from", file, "--to", file}, {"--form", "postgres://u:s3cret@h/d"}} {
		if _, err := copyTo(t, wrong...); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("copy %q: %v; want a refusal without the password", wrong, err)
		}
	}

	after := start(t, database, env)
	if after.token != before.token {
		t.Error("the webhooks have another token, and MessageBird would be refused")
	}
	if got := after.callIn(t, ben, proxy); got.body != transferTo(ada) {
		t.Errorf("a call after the move is answered with %q", got.body)
	}
	a.base = after.base
	if got := a.get("/"); got.status != http.StatusOK {
		t.Errorf("the admin is signed out: %d", got.status)
	}
}

// What DATABASE_URL takes, copy takes; what it refuses, copy refuses, in one line and
// without making anything.
func TestCopy_URLs(t *testing.T) {
	t.Chdir(t.TempDir())
	if out, err := runCommand("generate", map[string]string{"DATABASE_URL": "full.db"}, "--rides", "10", "--numbers", "10"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, err := copyTo(t, "--from", "file:full.db", "--to", "sqlite:other.db"); err != nil {
		t.Errorf("with prefixes: %v", err)
	}
	if _, err := os.Stat("other.db"); err != nil {
		t.Error(err)
	}
	for from, to := range map[string]string{
		"full.db":           "mysql://u:s3cret@h/d",
		"file:full.db":      "./full.db",
		"none.db":           "new.db",
		"sqlite:none.db":    "new.db",
		"mysql://u:s3cret@": "new.db",
	} {
		_, err := copyTo(t, "--from", from, "--to", to)
		if err == nil || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("from %s to %s: %v; want a refusal in one line, without the password", from, to, err)
		}
	}
	made, err := filepath.Glob("*")
	if err != nil || slices.ContainsFunc(made, func(name string) bool {
		return !strings.HasPrefix(name, "full.db") && !strings.HasPrefix(name, "other.db")
	}) {
		t.Errorf("there is now %q, %v", made, err)
	}
}

// Who stops a copy while its commit waits, as it does for a synchronous standby, hears what
// became of it.
func TestCopy_StoppedAtItsCommit(t *testing.T) {
	file := newDatabase(t)
	if out, err := runCommand("generate", map[string]string{"DATABASE_URL": file}, "--rides", "10", "--numbers", "10"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
	for name, test := range map[string]struct{ meanwhile, want string }{
		"it is confirmed":        {"SELECT pg_advisory_unlock(1)", "each table is the same in both"},
		"its connection is lost": {"SELECT pg_terminate_backend(pid) " + waiting, "it is not known whether the copy was committed; look whether the database to copy to is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			database := storetest.Postgres(t)
			if s, err := store.Open(t.Context(), database, time.Now); err != nil || s.Close() != nil {
				t.Fatal(err) // it made the tables
			}
			db, err := sql.Open("pgx", database)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			admin, err := db.Conn(t.Context()) // the lock is a session's
			if err != nil {
				t.Fatal(err)
			}
			defer admin.Close()
			do := func(statement string) {
				t.Helper()
				if _, err := admin.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			do(`CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END'`)
			do("CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON proxy_numbers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()")
			do("SELECT pg_advisory_lock(1)")

			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var out bytes.Buffer
			ended := make(chan error, 1)
			go func() {
				ended <- run(ctx, []string{"birdcar", "copy", "--from", file, "--to", database}, func(string) string { return "" }, &out, &out)
			}()
			for waits := false; !waits; {
				select {
				case err := <-ended:
					t.Fatalf("the copy ended before its commit: %v", err)
				default:
				}
				err := admin.QueryRowContext(t.Context(), "SELECT EXISTS (SELECT 1 "+waiting+")").Scan(&waits)
				if err != nil {
					t.Fatal(err)
				}
			}
			stop()
			do(test.meanwhile)
			if err := <-ended; err != nil {
				fmt.Fprint(&out, err)
			}
			if got := out.String(); !strings.Contains(got, test.want) || strings.Contains(got, "nothing was copied") {
				t.Errorf("got %s\nwant %s", got, test.want)
			}
		})
	}
}

func copyTo(t *testing.T, arguments ...string) (printed string, err error) {
	t.Helper()
	return runCommand("copy", nil, arguments...)
}

// runCommand runs a command of the program to its end.
func runCommand(command string, env map[string]string, arguments ...string) (printed string, err error) {
	var out bytes.Buffer
	err = run(context.Background(), append([]string{"birdcar", command}, arguments...), func(name string) string { return env[name] }, &out, &out)
	return out.String(), err
}
