package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"birdcar/internal/config"
	"birdcar/internal/store"
)

// generate fills an empty database with a platform that has been at work for a
// while, for benchmarks and for a look at long lists. It texts nobody.
func generate(ctx context.Context, cfg config.Config, arguments []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("generate", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	rides := flags.Int("rides", 1000, "")
	numbers := flags.Int("numbers", 100, "")
	if err := flags.Parse(arguments); err != nil || flags.NArg() > 0 || *rides < 1 || *rides > maxRides || *numbers < 10 || *numbers > 100_000 {
		return fmt.Errorf("generate takes --rides, 1 to %d, and --numbers, 10 to 100000", maxRides)
	}
	err := fill(ctx, cfg, *rides, *numbers, stdout)
	if err != nil && ctx.Err() != nil {
		return errors.New("stopped; the database holds a part only, so name a new one the next time") // err is how it noticed
	}
	return err
}

func fill(ctx context.Context, cfg config.Config, rides, numbers int, stdout io.Writer) error {
	s, err := openDatabase(ctx, cfg, func() {})
	if err != nil {
		return err
	}
	defer s.Close()
	if empty, err := s.Empty(ctx); err != nil {
		return err
	} else if !empty {
		return errors.New("the database is not empty; name a new one in DATABASE_URL")
	}

	p := newPlatform(rides, numbers, cfg.Linger, cfg.RideLimit, time.Now().In(cfg.TimeZone))
	told := p.now
	for f, more := p.next(); more; f, more = p.next() {
		if err := s.LongTx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Fill(ctx, f) }); err != nil {
			return fmt.Errorf("the database holds a part only: %w", err)
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			fmt.Fprintf(stdout, "%d of %d rides after %d s\n", p.made, p.rides, int(told.Sub(p.now).Seconds()))
		}
	}
	// What a running BirdCar would have counted by now.
	for more := true; more; {
		if more, err = s.CountTexts(ctx, cfg.TimeZone, time.Now(), 10*ridesPerStep); err != nil {
			return err
		}
	}
	if err := s.CountMinutes(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "Made up %d customers, %d drivers, %d proxy numbers, %d rides (%d live), %d messages and %d calls in %.1f s.\n",
		len(p.customers), len(p.drivers), len(p.numbers), p.made, p.live, p.messages, p.calls, time.Since(p.now).Seconds())
	return nil
}
