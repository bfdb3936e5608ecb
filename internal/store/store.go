// Package store owns every SQL statement and the database behind them: opening,
// migrating, reading, and writing in transactions that share commits. It knows
// what a row is, not when one should be written: that is the exchange's.
package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver named sqlite3
	"github.com/pressly/goose/v3"

	"birdcar/migrations"
)

// Store is an open database. Its reads see what is committed; Tx writes.
type Store struct {
	reads
	read   *sql.DB
	write  *sql.DB
	engine engine
	writer writer
	now    func() time.Time
}

// engine is what the two databases do differently.
type engine struct {
	rewrite func(string) string                   // of an SQL text with $1…
	context func(context.Context) context.Context // of a read
	prefix  string                                // of this database's references at the carrier
}

// Open opens the database at url, a SQLite file or postgres://…, makes it if it
// does not exist, and brings it to the newest schema. now gives every time that
// the store writes.
func Open(ctx context.Context, url string, now func() time.Time) (*Store, error) {
	if strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("PostgreSQL is not supported yet; use a SQLite file like birdcar.db")
	}
	return openSQLite(ctx, url, now)
}

func openSQLite(ctx context.Context, path string, now func() time.Time) (*Store, error) {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "sqlite:"), "file:")
	if err := makeFile(path); err != nil {
		return nil, err
	}
	const dsn = "file:%s?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_foreign_keys=on&_txlock=immediate&_stmt_cache_size=64"
	write, err := sql.Open("sqlite3", fmt.Sprintf(dsn, escapePath(path)))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	write.SetMaxIdleConns(1)
	s := &Store{write: write, engine: sqliteEngine, now: now}
	if err := s.prepareSQLite(ctx, path); err != nil {
		_ = write.Close()
		return nil, fmt.Errorf("database %s: %w", path, err)
	}
	s.read, err = sql.Open("sqlite3", fmt.Sprintf(dsn, escapePath(path))+"&_query_only=on")
	if err != nil {
		_ = write.Close()
		return nil, err
	}
	readers := max(4, runtime.NumCPU())
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	s.reads = reads{querier{s.read, &s.engine, nil}}
	s.writer.start(s)
	return s, nil
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

func (s *Store) prepareSQLite(ctx context.Context, path string) error {
	var journal string
	var synchronous int
	if err := s.write.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&journal); err != nil {
		return err
	}
	if err := s.write.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&synchronous); err != nil {
		return err
	}
	// Anything less loses texts that were answered with OK when the power fails.
	if journal != "wal" || synchronous != 2 {
		return fmt.Errorf("journal_mode is %s and synchronous is %d; want wal and 2 (FULL)", journal, synchronous)
	}
	if err := s.migrate(ctx, goose.DialectSQLite3, "sqlite"); err != nil {
		return err
	}
	return s.loadPrefix(ctx)
}

func (s *Store) migrate(ctx context.Context, dialect goose.Dialect, folder string) error {
	files, err := fs.Sub(migrations.FS, folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, s.write, files)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// loadPrefix gives this database a name of its own, so that its references at
// the carrier are never those of another database on the same account.
func (s *Store) loadPrefix(ctx context.Context) error {
	b := make([]byte, 5)
	_, _ = rand.Read(b)
	q := querier{s.write, &s.engine, nil}
	name, err := setting(ctx, q, "installation", hex.EncodeToString(b))
	s.engine.prefix = "birdcar-" + name + "-"
	return err
}

// Close waits for the writes in hand and closes the database.
func (s *Store) Close() error {
	s.writer.stop()
	return errors.Join(s.read.Close(), s.write.Close())
}

// Ping reports whether the database can be read and written now.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.row(ctx, "SELECT 1").Scan(&one); err != nil {
		return err
	}
	return s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, "INSERT INTO settings (name, value) VALUES ('ping', $1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
			fmt.Sprint(ms(tx.Now)))
		return err
	})
}
