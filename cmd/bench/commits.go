package main

import (
	"bytes"
	"cmp"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver named sqlite3
)

// committer runs writes on a SQLite file, each durably: those who wait share a commit.
type committer struct {
	db     *sql.DB
	writes chan *write
}

type write struct {
	work func(*sql.Tx) error
	done chan error
}

func newCommitter(path, schema string) (*committer, error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate&_stmt_cache_size=8")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	if _, err := db.Exec(schema); err != nil {
		db.Close()
		return nil, err
	}
	c := &committer{db: db, writes: make(chan *write, 4096)}
	go func() {
		for first := range c.writes {
			group := []*write{first}
			for len(c.writes) > 0 && len(group) < 256 {
				group = append(group, <-c.writes)
			}
			err := c.commit(group)
			for i, w := range group {
				if err != nil && len(group) > 1 { // nobody pays for another's failure
					w.done <- c.commit(group[i : i+1])
				} else {
					w.done <- err
				}
			}
		}
	}()
	return c, nil
}

func (c *committer) commit(group []*write) error {
	tx, err := c.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for _, w := range group {
		if err := w.work(tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// do returns once work is on disk.
func (c *committer) do(work func(*sql.Tx) error) error {
	w := &write{work, make(chan error, 1)}
	c.writes <- w
	return <-w.done
}

// close must come after the last do has returned.
func (c *committer) close() {
	close(c.writes)
	c.db.Close()
}

// groupCommits is how many rows a second go durably into a table of this SQLite
// file, when each of many writers waits for the commit that holds its row.
func groupCommits(path string, writers int, duration time.Duration) (rate float64, err error) {
	c, err := newCommitter(path, "CREATE TABLE bench_rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)")
	if err != nil {
		return 0, err
	}
	defer c.close()
	body := string(bytes.Repeat([]byte("x"), 200))
	insert := func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO bench_rows (body) VALUES (?)", body)
		return err
	}
	var rows atomic.Int64
	errs := make([]error, writers)
	var all sync.WaitGroup
	end := time.Now().Add(duration)
	for i := range writers {
		all.Go(func() {
			for errs[i] == nil && time.Now().Before(end) {
				errs[i] = c.do(insert)
				rows.Add(1)
			}
		})
	}
	all.Wait()
	return float64(rows.Load()) / duration.Seconds(), cmp.Or(errs...)
}
