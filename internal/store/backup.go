package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mattn/go-sqlite3"
)

// Backup copies the SQLite database at url into the new file to, as it is at one
// moment, also while BirdCar runs on it: whoever writes is not held up. The copy
// appears under its name only once it is whole, checked and on disk; what is there
// already is never overwritten. What waits to be sent is uncertain in the copy: by the time
// somebody starts on it the original has sent it, so the carrier is asked first. What whoever
// starts on it sends has references of its own. It returns the copy's size in bytes.
func Backup(ctx context.Context, url, to string) (size int64, err error) {
	if isPostgres(url) {
		return 0, errors.New("this database is PostgreSQL, which has its own tool: pg_dump --format=custom --file=FILE, with the same URL")
	}
	from := sqlitePath(url)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("there is no database %s: %w", from, fs.ErrNotExist)
	} else if err != nil {
		return 0, err
	}
	if _, err := os.Lstat(to); err == nil {
		return 0, fmt.Errorf("%s: %w", to, fs.ErrExist)
	}
	if err := refuseStrangersFile(ctx, from); err != nil {
		return 0, fmt.Errorf("database %s: %w", from, err)
	}
	partial, err := os.CreateTemp(filepath.Dir(to), ".birdcar-backup-*") // 0600: it holds people's numbers
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, partial.Close())
		for _, end := range []string{"", "-wal", "-shm", "-journal"} {
			_ = os.Remove(partial.Name() + end) // mostly gone already
		}
	}()
	if err := copyDatabase(ctx, from, partial.Name()); err != nil {
		return 0, fmt.Errorf("copy %s: %w", from, err)
	}
	if err := finishCopy(ctx, partial.Name()); err != nil {
		return 0, fmt.Errorf("check the copy: %w", err)
	}
	if err := partial.Sync(); err != nil {
		return 0, err
	}
	if err := os.Link(partial.Name(), to); err != nil { // unlike a rename it overwrites nothing
		return 0, err
	}
	info, err := partial.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), syncFolder(filepath.Dir(to))
}

// copyDatabase takes all pages in one step: a copy in several steps begins anew
// whenever another process writes in between, and so may never end.
func copyDatabase(ctx context.Context, from, to string) error {
	const dsn = "file:%s?mode=rw&_busy_timeout=5000"
	return onConn(ctx, fmt.Sprintf(dsn, escapePath(from))+"&_query_only=on", func(source *sqlite3.SQLiteConn) error {
		return onConn(ctx, fmt.Sprintf(dsn, escapePath(to)), func(target *sqlite3.SQLiteConn) error {
			b, err := target.Backup("main", source, "main")
			if err != nil {
				return err
			}
			done, err := b.Step(-1)
			if err == nil && !done {
				err = errors.New("the database was locked for too long; try again")
			}
			return cmp.Or(err, b.Finish()) // which repeats what Step said
		})
	})
}

// finishCopy reads all of a copy that was made just now, marks what waits in it as uncertain, has
// the messages to come named anew, and leaves it a single file: the original's write-ahead log is
// part of it.
func finishCopy(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite3", "file:"+escapePath(path)+"?mode=rw")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var journal, verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode = DELETE").Scan(&journal); err != nil {
		return err
	}
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" || journal != "delete" {
		return fmt.Errorf("integrity_check: %s; journal_mode: %s", verdict, journal)
	}
	if _, err := db.ExecContext(ctx, "UPDATE messages SET uncertain_at = ?1, reason = ?2 WHERE state = 'queued' AND uncertain_at = 0",
		ms(time.Now()), "It waited when the backup was made that this database comes from."); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, rename)
	return err
}

// onConn opens a database and runs work on the driver's own connection to it.
func onConn(ctx context.Context, dsn string, work func(*sqlite3.SQLiteConn) error) error {
	db, err := sql.Open("sqlite3", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Raw(func(c any) error { return work(c.(*sqlite3.SQLiteConn)) })
}

// syncFolder puts a folder's entries on disk.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
