// Package store owns every SQL statement and the database behind them: opening,
// migrating, reading, and writing in transactions that share commits. It knows
// what a row is, not when one should be written: that is the exchange's.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
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

	postgres *pgx.ConnConfig // nil with SQLite

	checkpointer *checkpointer // nil with PostgreSQL
}

// Open opens the database at url, a SQLite file or postgres://…, makes it if it
// does not exist, and brings it to the newest schema; one that is newer is refused, and one that
// is somebody else's, before anything is written into it. now gives every time that the store writes. Its errors are one line and hold no password.
func Open(ctx context.Context, url string, now func() time.Time) (*Store, error) {
	return OpenWaiting(ctx, url, now, func() {})
}

// OpenWaiting is Open, and calls waits once if it is held up for a second: by another process that
// changes the tables, until that is done or some 30 seconds after it vanished; or by PostgreSQL,
// which confirms no write, until a synchronous standby is there.
func OpenWaiting(ctx context.Context, url string, now func() time.Time, waits func()) (*Store, error) {
	s := &Store{now: now}
	open, name := s.openSQLite, url
	if isPostgres(url) {
		open, name = func(ctx context.Context, url string) error { return s.openPostgres(ctx, url, waits) }, "PostgreSQL"
	}
	if err := open(ctx, url); err != nil {
		_ = s.closePools()
		return nil, fmt.Errorf("database %s: %w", name, err)
	}
	s.reads = reads{querier{s.read, &s.engine, nil}}
	s.writer.start(s)
	return s, nil
}

func (s *Store) migrate(ctx context.Context, dialect goose.Dialect, folder string, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations.FS, folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, s.write, files, append(options, s.goMigrations())...)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	// Only now: while this one waited for another that migrates, the other may have been newer.
	made, known, err := p.GetVersions(ctx)
	if err == nil && made > known {
		err = fmt.Errorf("the database was made by a newer BirdCar (migration %d; this one knows %d)", made, known)
	}
	return err
}

// goMigrations are those for which SQL has no words. Going back, they leave what is there.
func (s *Store) goMigrations() goose.ProviderOption {
	return goose.WithGoMigrations(goose.NewGoMigration(10, &goose.GoFunc{RunTx: func(ctx context.Context, begun *sql.Tx) error {
		tx := &Tx{reads: reads{querier{begun, &s.engine, new(bool)}}}
		return tx.foldWords(ctx)
	}}, nil))
}

// Close waits for the writes in hand and closes the database.
func (s *Store) Close() error {
	s.writer.stop()
	return errors.Join(s.checkpointer.close(), s.closePools())
}

func (s *Store) closePools() error {
	var errs []error
	for _, pool := range []*sql.DB{s.read, s.write} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
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
