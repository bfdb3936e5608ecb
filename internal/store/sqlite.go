package store

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-sqlite3"
	"github.com/pressly/goose/v3"
)

// sqliteEngine rewrites $n to ?n, because mattn/go-sqlite3 binds a bare $n by
// its order of appearance and so swaps arguments silently. Contexts are not
// cancelled: the driver would pay a goroutine for each query.
var sqliteEngine = engine{
	rewrite: rewriteDollars,
	bounded: func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
		return context.WithoutCancel(ctx), nothing
	},
	begin:   beginSQLite,
	add:     addSQLite,
	writers: 1,
	batch:   256,
	unique: func(err error) bool {
		var e sqlite3.Error
		return errors.As(err, &e) &&
			(e.ExtendedCode == sqlite3.ErrConstraintUnique || e.ExtendedCode == sqlite3.ErrConstraintPrimaryKey)
	},
	// When memory or the disk fails, SQLite rolls the transaction back by itself and commits each
	// statement after that alone: "Response To Errors Within A Transaction", lang_transaction.html.
	spoils: func(err error) bool { return errors.As(err, new(sqlite3.Error)) },
	busy: func(err error) bool {
		var e sqlite3.Error
		return errors.As(err, &e) && (e.Code == sqlite3.ErrBusy || e.Code == sqlite3.ErrLocked)
	},
	again: func(error) bool { return false },
	lock:  func(context.Context, querier, string, []string) error { return nil },
	roomy: "PRAGMA cache_size = -500000",

	insert:    insertSQLite,
	lastID:    lastIDSQLite,
	setLastID: setLastIDSQLite,
	parted:    true,
}

// addSQLite asks for the id afterwards: RETURNING makes SQLite build a table in memory for
// what it returns, which takes half as long again as the INSERT.
func addSQLite(ctx context.Context, q querier, query string, args []any) (int64, error) {
	added, err := q.db.ExecContext(ctx, rewriteDollars(query), args...)
	if err != nil {
		return 0, err
	}
	if rows, err := added.RowsAffected(); err != nil || rows == 0 {
		return 0, cmp.Or(err, sql.ErrNoRows)
	}
	return added.LastInsertId()
}

// sqliteTx is a transaction on a connection that is its own until its end.
// database/sql's would start a goroutine for each of its queries, to close those whose
// transaction ends first: a tenth of the time that a text takes.
type sqliteTx struct {
	*sql.Conn
	over bool
}

func beginSQLite(ctx context.Context, db *sql.DB) (transaction, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &sqliteTx{Conn: conn}, nil
}

// Commit leaves the transaction open when it fails, for Rollback to end.
func (tx *sqliteTx) Commit() error {
	if _, err := tx.ExecContext(context.Background(), "COMMIT"); err != nil {
		return err
	}
	tx.over = true
	return tx.Close()
}

func (tx *sqliteTx) Rollback() error {
	if tx.over {
		return sql.ErrTxDone
	}
	tx.over = true
	_, err := tx.ExecContext(context.Background(), "ROLLBACK")
	if err != nil { // perhaps it is still open: nobody may get this connection again
		_ = tx.Raw(func(any) error { return driver.ErrBadConn })
	}
	return errors.Join(err, tx.Close())
}

var rewritten sync.Map // of SQL texts: what varies in those that are put together is bounded

// limitPlace is a parameter as a LIMIT. SQLite looks at its value when it plans, and so plans a
// statement anew each time it runs; it does not see through a sum.
var limitPlace = regexp.MustCompile(`LIMIT (\?\d+)`)

func rewriteDollars(query string) string {
	if q, ok := rewritten.Load(query); ok {
		return q.(string)
	}
	q := limitPlace.ReplaceAllString(strings.ReplaceAll(query, "$", "?"), "LIMIT ($1 + 0)")
	rewritten.Store(query, q)
	return q
}

// The caches, in KB after the minus, hold what a pool of 10,000 numbers at work touches
// again and again: the writer's its indexes, each reader's the live routes.
const (
	sqliteDSN = "file:%s?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate&_stmt_cache_size=128"
	writerDSN = sqliteDSN + "&_cache_size=-16000"
	readerDSN = sqliteDSN + "&_cache_size=-4000&_query_only=on"
)

func (s *Store) openSQLite(ctx context.Context, url string) (err error) {
	defer func() { err = unopenedFile(err) }()
	path := sqlitePath(url)
	if err := makeFile(path); err != nil {
		return err
	}
	if err := refuseStrangersFile(ctx, path); err != nil {
		return err
	}
	s.engine = sqliteEngine
	if s.write, err = openFile(writerDSN, path, 1); err != nil {
		return err
	}
	if err := s.checkDurable(ctx); err != nil {
		return err
	}
	if _, err := s.write.ExecContext(ctx, "PRAGMA wal_autocheckpoint = "+strconv.Itoa(walPages)); err != nil {
		return err
	}
	if err := s.migrate(ctx, goose.DialectSQLite3, "sqlite"); err != nil {
		return err
	}
	if err := s.loadNames(ctx); err != nil {
		return err
	}
	if s.read, err = openFile(readerDSN, path, max(4, runtime.NumCPU())); err != nil {
		return err
	}
	beside, err := openFile(sqliteDSN, path, 1)
	if err != nil {
		return err
	}
	s.checkpointer = startCheckpointer(beside)
	return nil
}

// openFile opens the file with as many connections as may ever be wanted, and keeps them.
func openFile(dsn, path string, connections int) (*sql.DB, error) {
	db, err := sql.Open("sqlite3", fmt.Sprintf(dsn, escapePath(path)))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

func sqlitePath(url string) string {
	return strings.TrimPrefix(strings.TrimPrefix(url, "sqlite:"), "file:")
}

// makeFile makes an empty database that only its owner may read: it holds
// people's numbers.
func makeFile(path string) error {
	if dir := filepath.Dir(path); dir != "." {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// escapePath makes a path safe inside SQLite's URI.
func escapePath(path string) string {
	return strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

// checkDurable refuses anything that loses texts which were answered with OK when
// the power fails.
func (s *Store) checkDurable(ctx context.Context) error {
	var journal string
	var synchronous int
	if err := s.write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return err
	}
	if err := s.write.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("journal_mode is %s and synchronous is %d; want wal and 2 (FULL)", journal, synchronous)
	}
	return nil
}
