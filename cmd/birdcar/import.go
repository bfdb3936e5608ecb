package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"birdcar/internal/config"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/store"
)

// importFile copies a tutorial's database into ours, and prints what came over
// and what was refused and why.
func importFile(ctx context.Context, cfg config.Config, path string, stdout io.Writer, log *slog.Logger) (err error) {
	defer func() {
		if errors.Is(err, context.Canceled) {
			err = errors.New("stopped; nothing was imported")
		}
	}()
	tutorial, err := store.ReadTutorial(ctx, path)
	if err != nil {
		return err
	}
	s, err := openDatabase(ctx, cfg, func() {})
	if err != nil {
		return err
	}
	defer s.Close()
	x, err := exchange.New(exchange.Config{
		Store: s, Outbox: noOutbox{}, Zone: cfg.TimeZone, Country: cfg.DefaultCountry,
		RideLimit: cfg.RideLimit, Linger: cfg.Linger, Lease: outbox.Lease, Now: time.Now, Log: log,
	})
	if err != nil {
		return err
	}
	done, err := x.Import(ctx, tutorial)
	if err != nil {
		return fmt.Errorf("nothing was imported: %w", err)
	}
	fmt.Fprintf(stdout, "Imported %d customers, %d drivers, %d proxy numbers and %d rides; %d were here already.\n",
		done.Customers, done.Drivers, done.Numbers, done.Rides, done.Known)
	for _, line := range done.Refused {
		fmt.Fprintln(stdout, "Refused", line)
	}
	return nil
}

// noOutbox leaves what is enqueued in the database: an import texts nobody, and
// this process sends nothing.
type noOutbox struct{}

func (noOutbox) Ready() bool             { return false }
func (noOutbox) Hand(...masking.Message) {}
