package store

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"syscall"
	"time"
)

// Health is how the database is.
type Health struct {
	Engine  string        // "SQLite" or "PostgreSQL"
	Durable bool          // what is answered survives a power failure
	Setting string        // what says so: "journal_mode wal, synchronous full"
	Damage  string        // what is wrong with its content, in the engine's words; empty: nothing, or not looked at
	Checked bool          // the content was looked at: a large database takes too long
	Write   time.Duration // how long a write to the disk took just now
	Size    int64         // bytes; 0: not known
	Free    int64         // bytes on its disk; 0 with Total 0: not known
	Total   int64
}

// checkedUpTo is how large a database is looked through in Health, in bytes.
const checkedUpTo = 16 << 20

// Health looks at the database. The error says why it cannot be read or written.
func (s *Store) Health(ctx context.Context) (h Health, err error) {
	start := time.Now()
	if err := s.Ping(ctx); err != nil {
		return h, err
	}
	h.Write = time.Since(start)
	if s.postgres != nil {
		return s.postgresHealth(ctx, h)
	}
	return s.sqliteHealth(ctx, h)
}

func (s *Store) postgresHealth(ctx context.Context, h Health) (Health, error) {
	h.Engine = "PostgreSQL"
	var fsync, commit string
	err := s.row(ctx, "SELECT current_setting('fsync'), current_setting('synchronous_commit'), pg_database_size(current_database())").
		Scan(&fsync, &commit, &h.Size)
	h.Durable = fsync == "on" && commit != "off"
	h.Setting = "fsync " + fsync + ", synchronous_commit " + commit
	return h, err
}

func (s *Store) sqliteHealth(ctx context.Context, h Health) (Health, error) {
	h.Engine = "SQLite"
	var journal, path string
	var pages, pageSize int64
	var synchronous int
	for query, into := range map[string]any{
		"PRAGMA journal_mode": &journal, "PRAGMA synchronous": &synchronous, "PRAGMA page_count": &pages, "PRAGMA page_size": &pageSize,
		"SELECT file FROM pragma_database_list WHERE name = 'main'": &path,
	} {
		// The connection that writes: the others have settings of their own.
		if err := s.write.QueryRowContext(ctx, query).Scan(into); err != nil {
			return h, err
		}
	}
	h.Size = pages * pageSize
	h.Durable = journal == "wal" && synchronous == 2
	h.Setting = "journal_mode " + journal + ", synchronous " + map[int]string{0: "off", 1: "normal", 2: "full", 3: "extra"}[synchronous]
	if h.Size <= checkedUpTo {
		verdict := ""
		if err := s.read.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil && !errors.Is(err, sql.ErrNoRows) {
			return h, err
		}
		if h.Checked = true; verdict != "ok" {
			h.Damage = verdict
		}
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err == nil {
		h.Free, h.Total = int64(disk.Bavail)*int64(disk.Bsize), int64(disk.Blocks)*int64(disk.Bsize) //nolint:unconvert // they differ between systems
	}
	return h, nil
}
