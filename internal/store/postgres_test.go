package store_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pressly/goose/v3/lock"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestPostgres_ManyStartAtOnce(t *testing.T) {
	url := storetest.Postgres(t)
	const instances = 4
	names := make([]string, instances)
	var wg sync.WaitGroup
	for i := range instances {
		wg.Go(func() {
			s, err := store.Open(context.Background(), url, time.Now)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			names[i], err = s.Setting(context.Background(), "installation", "")
			if err != nil || names[i] == "" {
				t.Errorf("the name of the installation: %q, %v", names[i], err)
			}
		})
	}
	wg.Wait()
	for _, name := range names {
		if name != names[0] {
			t.Errorf("the instances took different names for one installation: %q", names)
		}
	}
}

// An instance was killed in the middle of its migration: the next waits for the end of
// its lease, and says so.
func TestPostgres_WaitsForAMigration(t *testing.T) {
	url := storetest.Postgres(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	killed, err := lock.NewPostgresTableLocker(lock.WithTableLeaseDuration(3*time.Second), lock.WithTableHeartbeatInterval(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Lock(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	var told atomic.Int32
	s, err := store.OpenWaiting(context.Background(), url, time.Now, func() { told.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if told.Load() != 1 {
		t.Errorf("told %d times that it waits, want once", told.Load())
	}
	again, err := store.OpenWaiting(context.Background(), url, time.Now, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
}

// A transaction that needs more locks than the server has memory for would need them again.
func TestPostgres_TooManyLocks(t *testing.T) {
	s := storetest.Open(t, storetest.URL(storetest.FewLocks(t)), time.Now)
	keys := make([]string, 5000)
	for i := range keys {
		keys[i] = strconv.Itoa(i)
	}
	tries := 0
	err := s.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
		tries++
		return tx.Lock(ctx, keys...)
	})
	if !errors.Is(err, masking.ErrBusy) || tries != 1 {
		t.Errorf("%d tries, %v; want one, and ErrBusy", tries, err)
	}
}

// An empty database that does not confirm the first write, as without its synchronous standby:
// that comes before the lock of a migration, and is told too.
func TestPostgres_WaitsForAWrite(t *testing.T) {
	url := storetest.Postgres(t)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	held, err := db.Conn(t.Context()) // the lock is a session's
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, statement := range []string{
		"CREATE FUNCTION wait() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(1); END'",
		"CREATE EVENT TRIGGER wait ON ddl_command_start EXECUTE FUNCTION wait()",
		"SELECT pg_advisory_lock(1)",
	} {
		if _, err := held.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := store.OpenWaiting(ctx, url, time.Now, func() {
		if _, err := held.ExecContext(ctx, "SELECT pg_advisory_unlock(1)"); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatalf("it waits, and nobody was told: %v", err)
	}
	defer s.Close()
}

func TestPostgres_SecretsStayOut(t *testing.T) {
	for _, url := range []string{
		"postgres://birdcar:s3cret@127.0.0.1:1/birdcar",
		"postgres://birdcar:s3cret@127.0.0.1:1,127.0.0.1:2/birdcar?target_session_attrs=read-write",
		"postgres://birdcar:s3cret@127.0.0.1:port/birdcar",
		"postgres://birdcar:s3cret/@host:1/birdcar",
		"postgres://birdcar:s3@cret@127.0.0.1:1/birdcar",
		"postgres://birdcar:s3@cret@127.0.0.1:1,127.0.0.1:2/birdcar?sslmode=require",
		"postgres://birdcar:1/s3cret@127.0.0.1:1/birdcar",
		"postgres://birdcar@127.0.0.1:1/birdcar?password=s3@cret",
		"postgres://127.0.0.1:1/birdcar?user=birdcar&password=s3@cret",
		"postgres://birdcar:s3%cret@127.0.0.1:1/birdcar",
		"postgres://birdcar:s3cret@127.0.0.1:1/birdcar?sslmode=nonsense",
		"postgres://127.0.0.1:1/birdcar?user=birdcar&password=s3cret",
		"postgres://127.0.0.1:1/birdcar?user=birdcar&password=s3cret&connect_timeout=x",
	} {
		s, err := store.Open(context.Background(), url, time.Now)
		if err == nil {
			_ = s.Close()
			t.Fatalf("%s was opened", url)
		}
		if strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "cret") {
			t.Errorf("%s: the error holds the password: %v", url, err)
		}
	}
}

func TestPostgres_Notices(t *testing.T) {
	url := storetest.Postgres(t)
	one, other := storetest.Open(t, url, time.Now), storetest.Open(t, url, time.Now)
	ctx, cancel := context.WithCancel(context.Background())
	heard := make(chan string, 100)
	var listening sync.WaitGroup
	listening.Go(func() { other.Listen(ctx, func(s string) { heard <- s }, func(err error) { t.Error(err) }) })
	defer listening.Wait()
	defer cancel()

	await := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("got %.20q; want %.20q", got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%.20q was not heard", want)
		}
	}
	await("") // it listens
	longest := strings.Repeat("x", store.MaxNotice)
	for _, notice := range []string{"first", longest} {
		if err := one.Notify(ctx, notice); err != nil {
			t.Fatal(err)
		}
		await(notice)
	}
}
