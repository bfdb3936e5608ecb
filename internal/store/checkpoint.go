package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// How SQLite's log of writes is carried over into the database's file, in pages of 4 KB. What
// is carried over at once lies all over that file, so a longer log writes the same pages less
// often. It begins anew when all of it is carried over at some moment, which never comes
// beside a writer that never rests: from fullLog on the writer carries over what little is
// left after each commit, as SQLite does by itself, until it does.
const (
	carryPages = 1000
	carryPause = 20 * time.Millisecond // between two looks
	fullLog    = 8000
)

// checkpointer carries the log over beside the writer. SQLite would do it after a commit,
// while all who want to write wait for two flushes of the disk.
type checkpointer struct {
	db    *sql.DB
	wrote chan struct{} // has one when something was committed since the last look
	shut  sync.Once     // of wrote
	done  sync.WaitGroup
}

func startCheckpointer(ctx context.Context, path string) (*checkpointer, error) {
	db, err := sql.Open("sqlite3", fmt.Sprintf(sqliteDSN, escapePath(path)))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return nil, err
	}
	c := &checkpointer{db: db, wrote: make(chan struct{}, 1)}
	c.done.Go(func() {
		for range c.wrote {
			time.Sleep(carryPause)
			// Where it cannot, as on a full disk, nothing is lost: the log grows, and once it is
			// full the writer tries too.
			if pages, err := c.checkpoint("NOOP"); err == nil && pages >= carryPages {
				_, _ = c.checkpoint("PASSIVE")
			}
		}
	})
	return c, nil
}

// checkpoint runs SQLite's wal_checkpoint, and returns how many pages of the log are still to
// be carried over. https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
func (c *checkpointer) checkpoint(mode string) (pages int, err error) {
	var busy, log, carried int
	err = c.db.QueryRow("PRAGMA wal_checkpoint = "+mode).Scan(&busy, &log, &carried)
	return log - carried, err
}

// look makes it look at the log soon. It is not to be called after stop.
func (c *checkpointer) look() {
	if c == nil { // the database is no SQLite
		return
	}
	select {
	case c.wrote <- struct{}{}:
	default:
	}
}

func (c *checkpointer) stop() error {
	if c == nil {
		return nil
	}
	c.shut.Do(func() { close(c.wrote) })
	c.done.Wait()
	return c.db.Close()
}

// carryWhenFull makes the writer's connection carry the log over only when that is full.
func carryWhenFull(ctx context.Context, writer *sql.DB) error {
	_, err := writer.ExecContext(ctx, "PRAGMA wal_autocheckpoint = "+strconv.Itoa(fullLog))
	return err
}
