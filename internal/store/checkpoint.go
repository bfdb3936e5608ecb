package store

import (
	"database/sql"
	"sync"
)

const (
	// carryPages is how much of SQLite's write-ahead log, in pages of 4 KB, is carried over into
	// the database's file at a time: those pages lie all over that file, and the more at a time,
	// the fewer of them are the same ones again; but the longer it keeps disk and processor.
	carryPages = 500
	// walPages is how long the log grows before the writer itself carries over what is left, and
	// begins the log anew, for which nobody else may be at work on it.
	walPages = 4000
)

// checkpointer carries the log over beside the writer, for which that was a tenth of its time.
// A checkpoint that fails, because the disk is full or another process is at one, is
// nobody's error: all is in the log still, and the next one carries it over.
type checkpointer struct {
	db      *sql.DB
	commits chan struct{}
	done    sync.WaitGroup
	closing sync.Once
}

// startCheckpointer works on a connection of its own, which must sync as the writer's does: the
// log, and then the file, before any page of the log is written again. close closes it.
func startCheckpointer(db *sql.DB) *checkpointer {
	c := &checkpointer{db: db, commits: make(chan struct{}, 1)}
	c.done.Go(func() {
		for range c.commits {
			c.carry()
		}
	})
	return c
}

// committed tells that the log may have grown. PostgreSQL has no checkpointer of ours.
func (c *checkpointer) committed() {
	if c == nil {
		return
	}
	select {
	case c.commits <- struct{}{}:
	default: // it will look
	}
}

// carry goes on while there is enough to carry over and not so much that it is the writer's turn.
// What somebody still reads as it was stays in the log; the next commit tries again.
func (c *checkpointer) carry() {
	for before := -1; ; {
		_, log, carried, err := c.checkpoint("NOOP")
		if err != nil || log-carried < carryPages || log >= walPages || carried == before {
			return
		}
		before = carried
		if busy, _, _, err := c.checkpoint("PASSIVE"); err != nil || busy {
			return
		}
	}
}

// checkpoint returns how many pages are in the log, and how many of those are in the file as well.
func (c *checkpointer) checkpoint(mode string) (busy bool, log, carried int, err error) {
	err = c.db.QueryRow("PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &log, &carried)
	return busy, log, carried, err
}

func (c *checkpointer) close() error {
	if c == nil {
		return nil
	}
	c.closing.Do(func() { close(c.commits) })
	c.done.Wait()
	return c.db.Close()
}
