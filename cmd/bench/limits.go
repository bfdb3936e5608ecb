package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/server"
)

// The limits are what the same machine does without BirdCar's work: handlers that
// do next to nothing, and a disk that does nothing else.

// serveLimits is the process that BirdCar's is held against: the same addresses
// behind the same router, empty. On /forward it sends what comes to the carrier
// at once, through as many workers as BirdCar has, and keeps nothing; /relay keeps
// what a relay must keep, in a SQLite file of its own.
func serveLimits(carrierURL, path string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	r := chi.NewRouter()
	empty := func(http.ResponseWriter, *http.Request) {}
	r.Get("/healthz", empty)
	r.Get("/webhook-voice", empty)
	r.Post("/webhook", empty)
	r.Post("/forward", takeText(forwarding(carrierURL)))
	relay, err := newRelay(carrierURL, path)
	if err != nil {
		return err
	}
	r.Post("/relay", takeText(relay.take))
	limits := server.Limited(r) // as BirdCar's, because they are part of what an answer costs
	limits.Addr = os.Getenv("ADDR")
	context.AfterFunc(ctx, func() { _ = limits.Close() })
	if err := limits.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

const forwarders = 16 // texts on their way to the carrier at once, as OUTBOX_WORKERS says by default

// takeText answers as BirdCar does once a text was taken.
func takeText(take func(form url.Values) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		form, err := url.ParseQuery(string(body))
		if err == nil {
			err = take(form)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "OK")
	}
}

// forwarding is a taker of texts that keeps nothing.
func forwarding(carrierURL string) func(url.Values) error {
	bodies := make(chan string, 1<<16)
	for range forwarders {
		go func() {
			for body := range bodies {
				_ = forward(carrierURL, "1", "1", body)
			}
		}()
	}
	return func(form url.Values) error {
		bodies <- form.Get("payload")
		return nil
	}
}

var carrierClient = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: forwarders}}

func forward(carrierURL, from, to, body string) error {
	message := fmt.Appendf(nil, `{"originator":%q,"recipients":[%q],"body":%q}`, from, to, body)
	answer, err := carrierClient.Post(carrierURL+"/messages", "application/json", bytes.NewReader(message))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
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
