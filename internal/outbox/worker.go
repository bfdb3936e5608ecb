// Package outbox owns the sending of what the exchange enqueued: claim, send,
// mark. It knows the store and that there is a carrier to send through; it does
// not know why a message exists.
package outbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Sender is the carrier. Both calls fail with a *masking.CarrierError; Find with
// masking.ErrNotFound when the carrier certainly has no such message.
type Sender interface {
	// Send sends m and returns the carrier's id of it.
	Send(ctx context.Context, m masking.Message) (carrierID string, err error)
	// Find returns the carrier's id of the message with m's reference.
	Find(ctx context.Context, m masking.Message) (carrierID string, err error)
}

const (
	// Lease is how long a message is claimed: longer than a try to send takes, so
	// that a claim only lapses when its holder is gone.
	Lease = time.Minute
	// sendWithin bounds one talk with the carrier.
	sendWithin = 20 * time.Second
	// full is how much may wait in memory; more waits in the database.
	full = 4096
)

// Config is what a Worker works with. Publish may be nil, the rest is required.
type Config struct {
	Store   *store.Store
	Sender  Sender
	Workers int           // sends at once
	GiveUp  time.Duration // how old a message gets before it fails for want of a carrier
	Settle  time.Duration // how long after a try the carrier's "no such message" is believed
	Fail    func(ctx context.Context, m masking.Message, code int, reason string) error
	Now     func() time.Time
	Publish func(masking.Event)
	Log     *slog.Logger
}

// Worker sends messages until its Run ends.
type Worker struct {
	Config
	gate    gate
	queue   *queue
	wake    chan struct{}
	backlog atomic.Bool // the database holds what memory does not: new messages go behind it
	pace    atomic.Int64
}

// New returns a Worker; nothing is sent before Run.
func New(c Config) (*Worker, error) {
	switch {
	case c.Store == nil, c.Sender == nil, c.Fail == nil, c.Now == nil, c.Log == nil:
		return nil, errors.New("outbox: Store, Sender, Fail, Now and Log are required")
	case c.Workers <= 0, c.GiveUp <= 0, c.Settle <= 0:
		return nil, errors.New("outbox: Workers, GiveUp and Settle are required")
	}
	if c.Publish == nil {
		c.Publish = func(masking.Event) {}
	}
	w := &Worker{Config: c, queue: newQueue(), wake: make(chan struct{}, 1)}
	w.gate.now = c.Now
	w.backlog.Store(true) // of the last run, until a sweep finds none
	w.pace.Store(int64(c.Workers))
	return w, nil
}

// Ready reports whether messages may be handed over in memory. If not, they wait
// in the database, behind those that wait there already.
func (w *Worker) Ready() bool {
	return w.gate.opened() && !w.backlog.Load() && w.queue.len() < full
}

// Hand takes messages that are claimed for this process and on disk.
func (w *Worker) Hand(messages ...masking.Message) { w.queue.put(messages...) }

// Status says whether texts leave, and why not.
func (w *Worker) Status() masking.SendingStatus { return w.gate.snapshot() }

// Run sends until ctx ends, then finishes the sends in hand, which ctx does not
// cancel, and puts back what no worker took.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.resume(ctx); err != nil {
		return err
	}
	var workers sync.WaitGroup
	for range w.Workers {
		workers.Go(func() {
			for {
				m, ok := w.queue.take()
				if !ok {
					return
				}
				w.deliver(m)
			}
		})
	}
	w.sweep(ctx)
	w.queue.close()
	workers.Wait()
	for _, m := range w.queue.rest() {
		w.putBack(m)
	}
	return nil
}

// resume makes what the last run left claimed due, once the carrier's word on it counts.
func (w *Worker) resume(ctx context.Context) error {
	return w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		left, err := tx.Resume(ctx, w.Settle)
		if left > 0 {
			w.Log.Info("messages were in hand when the last run ended; asking the carrier about them", "count", left)
		}
		return err
	})
}

const (
	sweepAtLeast = time.Second           // between two looks at the database
	sweepPause   = 50 * time.Millisecond // between two claims while there is a backlog
)

// sweep claims what waits in the database: retries, what was enqueued while the
// gate was shut, and what others left behind.
func (w *Worker) sweep(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.wake:
		}
		timer.Reset(w.sweepOnce(ctx))
	}
}

// sweepOnce claims once and returns how long to wait before the next time.
func (w *Worker) sweepOnce(ctx context.Context) time.Duration {
	limit := w.allowance()
	if limit == 0 {
		return min(max(w.gate.dueIn(), sweepPause), sweepAtLeast)
	}
	var claimed []masking.Message
	err := w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		claimed, err = tx.Claim(ctx, limit, Lease)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			w.Log.Error("waiting messages were not claimed", "err", err)
		}
		return sweepAtLeast
	}
	w.queue.put(claimed...)
	if len(claimed) == limit {
		w.backlog.Store(true)
		if w.gate.opened() { // slow start: a carrier that is back gets twice as much each time
			w.pace.Store(min(2*w.pace.Load(), full))
		}
		return sweepPause
	}
	w.backlog.Store(false)
	w.pace.Store(int64(w.Workers))
	return w.untilDue(ctx)
}

// allowance is how many messages may be claimed now.
func (w *Worker) allowance() int {
	waiting := w.queue.len()
	if !w.gate.opened() {
		if waiting > 0 || w.gate.dueIn() > 0 {
			return 0
		}
		return 1
	}
	return max(0, min(int(w.pace.Load()), full-waiting))
}

func (w *Worker) untilDue(ctx context.Context) time.Duration {
	due, err := w.Store.NextDue(ctx)
	if err != nil || due.IsZero() {
		return sweepAtLeast
	}
	return min(max(due.Sub(w.Now()), time.Millisecond), sweepAtLeast)
}

// look makes the sweep look at once.
func (w *Worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}
