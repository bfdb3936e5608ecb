package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"
	_ "github.com/mattn/go-sqlite3" // the driver named sqlite3

	"birdcar/internal/server"
)

// The limits are what the same machine does without BirdCar's work: handlers that
// do next to nothing, and a disk that does nothing else.

// serveLimits is the process that BirdCar's is held against: the same addresses
// behind the same router, empty. On /forward it sends what comes to the carrier
// at once, through as many workers as BirdCar has, and keeps nothing.
func serveLimits(carrierURL string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	bodies := make(chan string, 1<<16)
	for range 16 {
		go forward(carrierURL, bodies)
	}
	r := chi.NewRouter()
	empty := func(http.ResponseWriter, *http.Request) {}
	r.Get("/healthz", empty)
	r.Get("/webhook-voice", empty)
	r.Post("/webhook", empty)
	r.Post("/forward", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return
		}
		bodies <- form.Get("payload")
		_, _ = io.WriteString(w, "OK")
	})
	limits := server.Limited(r) // as BirdCar's, because they are part of what an answer costs
	limits.Addr = os.Getenv("ADDR")
	context.AfterFunc(ctx, func() { _ = limits.Close() })
	if err := limits.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func forward(carrierURL string, bodies <-chan string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for body := range bodies {
		message := fmt.Appendf(nil, `{"originator":"1","recipients":["1"],"body":%q}`, body)
		answer, err := client.Post(carrierURL+"/messages", "application/json", bytes.NewReader(message))
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
}

// groupCommits is how many rows a second go durably into a table of this SQLite
// file, when each of many writers waits for the commit that holds its row and those who wait
// share one.
func groupCommits(path string, writers int, duration time.Duration) (rate float64, err error) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000&_txlock=immediate&_stmt_cache_size=8")
	if err != nil {
		return 0, err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("CREATE TABLE bench_rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)"); err != nil {
		return 0, err
	}
	jobs := make(chan chan error, writers)
	var rows atomic.Int64
	end := time.Now().Add(duration)
	for range writers {
		go func() {
			done := make(chan error, 1)
			for {
				jobs <- done
				if <-done != nil {
					return
				}
				rows.Add(1)
			}
		}()
	}
	body := string(bytes.Repeat([]byte("x"), 200))
	for err == nil && time.Now().Before(end) {
		group := []chan error{<-jobs}
		for len(jobs) > 0 && len(group) < 256 {
			group = append(group, <-jobs)
		}
		err = insertRows(db, len(group), body)
		for _, done := range group {
			done <- err
		}
	}
	return float64(rows.Load()) / duration.Seconds(), err
}

func insertRows(db *sql.DB, rows int, body string) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	for range rows {
		if _, err := tx.Exec("INSERT INTO bench_rows (body) VALUES (?)", body); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// diskWrites is how many writes of 4 KiB a second the disk below path takes one by
// one, each on the disk before the next.
func diskWrites(dir string, duration time.Duration) (rate float64, err error) {
	f, err := os.CreateTemp(dir, "disk-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	block := bytes.Repeat([]byte("x"), 4096)
	writes, begin := 0, time.Now()
	for ; time.Since(begin) < duration; writes++ {
		if _, err := f.WriteAt(block, int64(writes%4096)*4096); err != nil {
			return 0, err
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			return 0, err
		}
	}
	return float64(writes) / duration.Seconds(), nil
}
