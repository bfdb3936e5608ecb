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
	// Lease is how long a message is claimed. Its holder renews it; it only lapses
	// when the holder is gone.
	Lease = time.Minute
	// sendWithin bounds one talk with the carrier.
	sendWithin = 20 * time.Second
	// unmarked is how many messages that the carrier took are marked together, and how many
	// more may wait for that: if the database takes no more, no more are sent. Under load more
	// than a hundred are stored in a transaction, and as many are sent meanwhile.
	unmarked = 256
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
	Now     func() time.Time // of the times in the database
	Publish func(masking.Event)
	Log     *slog.Logger
}

// Worker sends messages until its Run ends.
type Worker struct {
	Config
	gate     *gate
	hand     *hand
	taken    chan masking.Message // by the carrier, to be marked
	wake     chan struct{}
	stopping <-chan struct{}
	backlog  atomic.Bool // the database holds what memory does not: new messages go behind it
	tries    tries
	counts   counts
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
	w := &Worker{Config: c, gate: newGate(), hand: newHand(), taken: make(chan masking.Message, unmarked), wake: make(chan struct{}, 1)}
	w.backlog.Store(true) // of the last run, until a sweep finds none
	return w, nil
}

// Ready reports whether messages may be handed over in memory. If not, they wait
// in the database, behind those that wait there already.
func (w *Worker) Ready() bool {
	open, _ := w.gate.open()
	return open && !w.backlog.Load() && w.hand.size() < full
}

// Hand takes messages that are claimed for this process and on disk.
func (w *Worker) Hand(messages ...masking.Message) { w.hand.put(messages...) }

// Status says whether texts leave, and why not.
func (w *Worker) Status() masking.SendingStatus { return w.gate.snapshot() }

// Run sends until ctx ends, then finishes the sends in hand, which ctx does not
// cancel, and gives back what nobody began.
func (w *Worker) Run(ctx context.Context) error {
	w.stopping = ctx.Done()
	w.tries.begin()
	if err := w.resume(ctx); err != nil {
		return err
	}
	var workers, marker sync.WaitGroup
	marker.Go(w.markTaken)
	for range w.Workers {
		workers.Go(func() {
			for {
				m, ok := w.hand.take()
				if !ok {
					return
				}
				w.deliver(m)
			}
		})
	}
	w.sweep(ctx)
	w.hand.close()
	workers.Wait()
	close(w.taken)
	marker.Wait()
	if rest := w.hand.rest(); len(rest) > 0 {
		return w.Store.Tx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error { return tx.GiveBack(ctx, rest) })
	}
	return nil
}

// resume makes what the last run left claimed due, once the carrier's word on it counts.
func (w *Worker) resume(ctx context.Context) error {
	var left int64
	err := w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		left, err = tx.Resume(ctx, w.Settle)
		return err
	})
	if err == nil && left > 0 {
		w.Log.Info("messages were in hand when the last run ended; asking the carrier about them", "count", left)
	}
	return err
}
