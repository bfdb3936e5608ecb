package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx

	"birdcar/internal/store"
)

// server is the one PostgreSQL that the tests of this process share: the one of
// TEST_POSTGRES_URL, or one of our own, started by the first test that asks.
var server struct {
	once    sync.Once
	node    *Node  // ours, until the process ends
	url     string // of a database to make others from
	skipped string // why there is none
	err     error

	template sync.Once // a database with our schema, which others are copies of
	noCopy   error
	made     atomic.Int64
}

const template = "birdcar_template"

// Postgres is the URL of a new database with nothing in it, not even our schema.
// Where there is no PostgreSQL the test is skipped; with CI set, it fails.
func Postgres(t testing.TB) string {
	t.Helper()
	return makeDatabase(t, "template0")
}

func postgresWithSchema(t testing.TB) string {
	t.Helper()
	base := serverURL(t)
	if server.node == nil { // others may test on it too, so it gets no template
		return makeDatabase(t, "template0")
	}
	server.template.Do(func() {
		if server.noCopy = execute(base, "CREATE DATABASE "+template); server.noCopy != nil {
			return
		}
		s, err := store.Open(context.Background(), inDatabase(base, template), time.Now)
		if server.noCopy = err; err == nil {
			server.noCopy = s.Close()
		}
	})
	if server.noCopy != nil {
		t.Fatal(server.noCopy)
	}
	return makeDatabase(t, template)
}

func serverURL(t testing.TB) string {
	t.Helper()
	server.once.Do(func() {
		if server.url = os.Getenv("TEST_POSTGRES_URL"); server.url == "" {
			server.node, server.skipped, server.err = startShared()
			if server.node != nil {
				server.url = URL(server.node)
			}
		}
	})
	switch {
	case server.err != nil:
		t.Fatal(server.err)
	case server.skipped != "" && os.Getenv("CI") != "":
		t.Fatal(server.skipped)
	case server.skipped != "":
		t.Skip(server.skipped)
	}
	return server.url
}

func makeDatabase(t testing.TB, from string) string {
	t.Helper()
	base := serverURL(t)
	name := fmt.Sprintf("birdcar_test_%d_%d", os.Getpid(), server.made.Add(1))
	if err := execute(base, "CREATE DATABASE "+name+" TEMPLATE "+from); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(base, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
	})
	return inDatabase(base, name)
}

// execute runs statements outside transactions.
func execute(url string, statements ...string) error {
	db, err := sql.Open("pgx", url)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// eventually waits until a query that a new connection asks says true.
func eventually(url, query string) error {
	var is bool
	for deadline := time.Now().Add(30 * time.Second); !is; time.Sleep(10 * time.Millisecond) {
		db, err := sql.Open("pgx", url)
		if err != nil {
			return err
		}
		err = db.QueryRow(query).Scan(&is)
		_ = db.Close()
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", query, err)
		case !is && time.Now().After(deadline):
			return fmt.Errorf("%s: not true in time", query)
		}
	}
	return nil
}

// inDatabase is url with another database of the same server.
func inDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		panic(err) // TEST_POSTGRES_URL, or our own
	}
	u.Path = "/" + name
	return u.String()
}
