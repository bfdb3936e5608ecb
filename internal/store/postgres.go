package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// postgresEngine works at the server's default isolation, READ COMMITTED: what
// must not happen side by side is kept apart by unique indexes, by conditions
// repeated in each UPDATE, and by Lock.
var postgresEngine = engine{
	rewrite: func(query string) string { return query },
	bounded: context.WithTimeout,
	begin:   func(ctx context.Context, db *sql.DB) (transaction, error) { return db.BeginTx(ctx, nil) },
	add: func(ctx context.Context, q querier, query string, args []any) (id int64, err error) {
		err = q.row(ctx, query+" RETURNING id", args...).Scan(&id)
		return id, err
	},
	writers: 16,
	batch:   1, // the server itself lets those who commit together share a flush
	unique:  func(err error) bool { return stateOf(err) == uniqueViolation },
	spoils:  func(error) bool { return false }, // none share one
	busy: func(err error) bool {
		return lostRace(err) || outOfReach(err) || stateOf(err) == outOfMemory || errors.Is(err, context.DeadlineExceeded)
	},
	again: func(err error) bool {
		if errors.Is(err, errRaced) {
			return true
		}
		if state := stateOf(err); state == uniqueViolation || state == foreignKeyViolation || lostRace(err) {
			return true // rolled back for certain, even by a commit
		}
		// What took all the time that a transaction has would take as much again.
		return outOfReach(err) && !errors.Is(err, context.DeadlineExceeded) && !errors.As(err, new(commitError))
	},
	skipTaken: " FOR NO KEY UPDATE SKIP LOCKED",
	holdRead:  " FOR SHARE",
	holdWrite: " FOR NO KEY UPDATE",
	lock:      advisoryLock,
	roomy:     "SET LOCAL idle_in_transaction_session_timeout = 0",
	snapshot:  &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	insert:    insertPostgres,
	lastID:    lastIDPostgres,
	setLastID: setLastIDPostgres,
	shared:    true,
}

// postgresReaders is how many connections an instance reads with, besides one for
// each of the engine's writers and one that listens.
const postgresReaders = 8

// SQLSTATEs, from appendix A of PostgreSQL's manual.
const (
	uniqueViolation      = "23505"
	foreignKeyViolation  = "23503"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	readOnlyTransaction  = "25006"
	outOfMemory          = "53200" // mostly of that for locks
)

// stateOf is the SQLSTATE of the server's error; empty: it is none of the server's.
func stateOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func lostRace(err error) bool {
	state := stateOf(err)
	return state == serializationFailure || state == deadlockDetected
}

// outOfReach reports that no server that takes writes was there: connections lost
// or refused, servers that start, stop or follow another.
func outOfReach(err error) bool {
	switch state := stateOf(err); {
	case state == readOnlyTransaction:
		return true
	case state == outOfMemory: // which the same transaction would fill again
		return false
	case state != "": // classes: connection exception, insufficient resources, operator intervention
		return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57P")
	}
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || pgconn.SafeToRetry(err) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

func (s *Store) openPostgres(ctx context.Context, url string, waits func()) (err error) {
	config, err := postgresConfig(url)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = unopened(config, err)
		}
	}()
	s.engine, s.postgres = postgresEngine, config
	s.write = openPool(config, s.engine.writers)
	s.read = openPool(config, postgresReaders)
	if err := s.write.PingContext(ctx); err != nil {
		return err
	}
	tables, err := s.schemaTables(ctx)
	if err == nil {
		err = refuseStrangers(tables, "")
	}
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(250*time.Millisecond, 1200)) // five minutes
	if err != nil {
		return err
	}
	tell := time.AfterFunc(time.Second, waits)
	defer tell.Stop()
	if err := s.migrate(ctx, goose.DialectPostgres, "postgres", goose.WithLocker(tellingLocker{locker, tell})); err != nil {
		return err
	}
	return s.loadNames(ctx)
}

// tellingLocker ends the telling once it has the lock: until then a whole migration of somebody
// else's may be waited for, or a standby that is to confirm what is written before and for the lock.
type tellingLocker struct {
	lock.Locker
	tell *time.Timer
}

func (l tellingLocker) Lock(ctx context.Context, db *sql.DB) error {
	defer l.tell.Stop()
	return l.Locker.Lock(ctx, db)
}

// postgresConfig reads a URL.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	if strayed(url) {
		return nil, errors.New("the URL has an @ or a / too many; in the user and the password write @ as %40 and / as %2F")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, unread(url)
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 3 * time.Second // the next host of several waits for this one's
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "birdcar"
	}
	return config, nil
}

// strayed reports that an @ or a / ends the user and password of a URL too early: the
// rest of them would be taken for a host or a database, and be shown where those are.
func strayed(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	user, rest, found := strings.Cut(rest, "@")
	return found && (strings.Contains(rest, "@") || strings.Contains(user, "/") && !strings.Contains(user, "?"))
}

func openPool(config *pgx.ConnConfig, size int) *sql.DB {
	pool := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(afterConnect), stdlib.OptionResetSession(stillPrimary))
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	pool.SetConnMaxLifetime(time.Hour) // servers that were added or moved are found
	return pool
}

// afterConnect bounds how long the locks of an instance that vanished stay.
func afterConnect(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, "SET idle_in_transaction_session_timeout = '15s'")
	return err
}

// stillPrimary leaves a server that became a standby. The server tells by itself
// when it does, so that asking costs no round trip.
func stillPrimary(_ context.Context, conn *pgx.Conn) error {
	if conn.PgConn().ParameterStatus("in_hot_standby") == "on" {
		return driver.ErrBadConn
	}
	return nil
}

// advisoryLock takes PostgreSQL's advisory locks, which cost no write and need no
// row: first one that others may have as well, unless shared is empty. Two names of the same hash only wait
// for each other needlessly.
func advisoryLock(ctx context.Context, q querier, shared string, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	hashes := make([]int64, len(keys))
	for i, key := range keys {
		hashes[i] = hashOf(key)
	}
	slices.Sort(hashes)
	query, args := "SELECT pg_advisory_xact_lock(hash) FROM unnest($1::bigint[]) hash", []any{slices.Compact(hashes)}
	if shared != "" {
		query, args = "SELECT pg_advisory_xact_lock_shared($2) UNION ALL "+query, append(args, hashOf(shared))
	}
	if _, err := q.db.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

func hashOf(key string) int64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, key)
	return int64(h.Sum64())
}
