package outbox

import (
	"context"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	sweepEvery = time.Second           // at the latest
	sweepPause = 50 * time.Millisecond // between two sweeps, at least
)

// sweep claims what waits in the database: retries, what was enqueued while the
// gate was shut, and what others left behind. It keeps the claims in hand from lapsing.
func (w *Worker) sweep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	clock := clock{now: w.Now}
	clock.setBack()
	behind := false // the clock was set back, and what waits does not know
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			timer.Reset(sweepPause)
			continue
		case <-timer.C:
		}
		behind = clock.setBack() || behind
		if behind && w.hasten(ctx) == nil {
			behind = false
		}
		next, err := w.sweepOnce(ctx)
		if err != nil && ctx.Err() == nil {
			w.Log.Error("waiting messages were not claimed", "err", err)
			next = sweepEvery
		}
		timer.Reset(min(max(next, sweepPause), sweepEvery))
	}
}

// sweepOnce claims once and returns how long to wait before the next time.
func (w *Worker) sweepOnce(ctx context.Context) (next time.Duration, err error) {
	now := w.Now()
	due, err := w.Store.NextDue(ctx)
	if err != nil {
		return 0, err
	}
	limit := w.allowance()
	nothing := due.IsZero() || due.After(now)
	if nothing {
		limit = 0
	}
	var claimed []masking.Message
	if lapsing := w.hand.lapsing(now.Add(Lease / 2)); limit > 0 || len(lapsing) > 0 {
		if claimed, err = w.claim(ctx, lapsing, limit); err != nil {
			return 0, err
		}
		w.hand.put(claimed...)
	}
	w.backlog.Store(!nothing && len(claimed) == limit)
	open, _ := w.gate.open()
	switch {
	case !open:
		return w.gate.nextTry(), nil
	case nothing && !due.IsZero():
		return due.Sub(now), nil
	case nothing || limit > 0 && len(claimed) == 0:
		return sweepEvery, nil
	}
	return sweepPause, nil
}

// claim renews the claims that lapse and takes limit more.
func (w *Worker) claim(ctx context.Context, lapsing []masking.Message, limit int) (claimed []masking.Message, err error) {
	var until time.Time
	var renewed []masking.Message
	err = w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		until, claimed = tx.Now.Add(Lease), nil
		if renewed, err = tx.Renew(ctx, lapsing, Lease); err != nil || limit == 0 {
			return err
		}
		claimed, err = tx.Claim(ctx, limit, Lease)
		return err
	})
	if err == nil {
		w.hand.renewed(renewed, until)
	}
	return claimed, err
}

// allowance is how many messages a sweep may claim. A carrier that is back, or
// that a start finds in whatever state, gets twice as much each second.
func (w *Worker) allowance() int {
	open, since := w.gate.open()
	waiting := w.hand.size()
	if !open {
		if waiting > 0 || w.gate.nextTry() > 0 {
			return 0
		}
		return 1
	}
	doubled := min(int(since/time.Second), 12)
	return max(0, min(w.Workers<<doubled, full-waiting))
}

// look makes the sweep look soon.
func (w *Worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Worker) hasten(ctx context.Context) error {
	var count int64
	err := w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		count, err = tx.Hasten(ctx)
		return err
	})
	w.Log.Warn("the clock was set back", "messages that wait no longer", count, "err", err)
	return err
}

// clock notices when the machine's clock is set back, by the process's own, which
// nobody sets.
type clock struct {
	now      func() time.Time
	wall     time.Time
	measured time.Time
}

// setBack reports whether the machine's clock was set back since it was asked last.
func (c *clock) setBack() bool {
	wall, measured := c.now().Round(0), time.Now() // Round drops the reading of the process's own clock
	shift := wall.Sub(c.wall) - measured.Sub(c.measured)
	first := c.wall.IsZero()
	c.wall, c.measured = wall, measured
	return !first && shift < -5*time.Second
}
