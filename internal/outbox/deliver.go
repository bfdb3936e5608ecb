package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// deliver tries to send one claimed message and marks what became of it.
func (w *Worker) deliver(m masking.Message) {
	pass, probe := w.gate.pass()
	// A claim that is about to lapse is given up: another process may take it.
	if !pass || w.Now().After(m.Due.Add(-2*sendWithin)) {
		if probe {
			w.gate.giveBack()
		}
		w.putBack(m)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	if !m.Uncertain.IsZero() {
		if w.ask(ctx, m, probe) {
			return
		}
		if w.tooOld(m) {
			w.fail(m, m.Code, m.Reason)
			return
		}
	}
	began := w.Now()
	carrierID, err := w.Sender.Send(ctx, m)
	w.learn(err)
	if err == nil {
		w.sent(m, carrierID)
		return
	}
	w.failed(m, began, err)
}

// ask finds out whether an earlier try reached the carrier. It reports whether
// that settles what to do with m now; only a certain no leaves m to be sent.
func (w *Worker) ask(ctx context.Context, m masking.Message, probe bool) (settled bool) {
	if believed := m.Uncertain.Add(w.Settle); w.Now().Before(believed) {
		if probe {
			w.gate.giveBack()
		}
		w.wait(m, believed, m.Uncertain, m.Code, m.Reason)
		return true
	}
	carrierID, err := w.Sender.Find(ctx, m)
	switch {
	case err == nil:
		w.learn(nil)
		w.sent(m, carrierID)
		return true
	case errors.Is(err, masking.ErrNotFound):
		return false
	}
	w.learn(err)
	e := asCarrierError(err)
	if w.tooOld(m) {
		w.fail(m, e.Code, "It is not known whether it was sent: "+e.Reason)
		return true
	}
	w.wait(m, w.nextTry(m, e), m.Uncertain, e.Code, e.Reason)
	return true
}

func (w *Worker) failed(m masking.Message, began time.Time, err error) {
	e := asCarrierError(err)
	uncertain := time.Time{}
	if e.Outcome == masking.Unknown {
		uncertain = began
	}
	switch {
	case e.Outcome == masking.Rejected:
		w.fail(m, e.Code, e.Reason)
	case e.Outcome == masking.Refused:
		// The account's fault does not age the message: it is first again when sending goes on.
		w.wait(m, m.Created, uncertain, e.Code, e.Reason)
	case w.tooOld(m) && uncertain.IsZero():
		w.fail(m, e.Code, e.Reason)
	default:
		w.wait(m, w.nextTry(m, e), uncertain, e.Code, e.Reason)
	}
}

func (w *Worker) tooOld(m masking.Message) bool { return w.Now().Sub(m.Created) >= w.GiveUp }

func asCarrierError(err error) *masking.CarrierError {
	var e *masking.CarrierError
	if errors.As(err, &e) {
		return e
	}
	return &masking.CarrierError{Outcome: masking.Unknown, Reason: "The carrier's answer was not understood."}
}

// nextTry backs off exponentially with jitter, or as long as the carrier asks.
func (w *Worker) nextTry(m masking.Message, e *masking.CarrierError) time.Time {
	b := &backoff.ExponentialBackOff{InitialInterval: time.Second, RandomizationFactor: 0.3, Multiplier: 2, MaxInterval: 10 * time.Minute}
	b.Reset()
	pause := b.NextBackOff()
	for range min(m.Attempts-1, 12) {
		pause = b.NextBackOff()
	}
	return w.Now().Add(max(pause, e.RetryAfter))
}

// learn tells the gate the outcome of a try.
func (w *Worker) learn(err error) {
	if !w.gate.learn(err) {
		return
	}
	if s := w.gate.snapshot(); s.Stopped {
		w.Log.Warn("sending stopped", "account", s.Account, "reason", s.Reason)
	} else {
		w.Log.Info("sending goes on")
		w.pace.Store(int64(w.Workers))
		w.backlog.Store(true)
		w.look()
	}
	w.Publish(masking.Event{Kind: masking.SendingMoved, At: w.Now()})
}

func (w *Worker) sent(m masking.Message, carrierID string) {
	var next masking.Message
	w.mark(m, masking.Sent, func(ctx context.Context, tx *store.Tx) (mine bool, err error) {
		next = masking.Message{}
		if mine, err = tx.MarkSent(ctx, m, carrierID); err != nil || !mine {
			return mine, err
		}
		next, err = tx.ClaimNext(ctx, m.From, m.To, w.lease())
		if errors.Is(err, masking.ErrNotFound) {
			err = nil
		}
		return mine, err
	})
	if next.ID != 0 {
		w.queue.put(next)
	}
}

func (w *Worker) lease() time.Duration {
	if w.gate.opened() {
		return Lease
	}
	return 0
}

// wait puts m back until due.
func (w *Worker) wait(m masking.Message, due, uncertain time.Time, code int, reason string) {
	w.mark(m, masking.Queued, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.MarkWaiting(ctx, m, due, uncertain, code, reason)
	})
	w.look()
}

// putBack gives up the claim of a message that was not tried.
func (w *Worker) putBack(m masking.Message) { w.wait(m, m.Created, m.Uncertain, m.Code, m.Reason) }

// mark stores what became of m. When that cannot be stored the claim lapses, and
// the carrier is asked before m is sent again.
func (w *Worker) mark(m masking.Message, to masking.MessageState, write func(context.Context, *store.Tx) (bool, error)) {
	var mine bool
	err := w.Store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		mine, err = write(ctx, tx)
		return err
	})
	switch {
	case err != nil:
		w.Log.Error("a message was not marked", "message", m.ID, "as", to, "err", err)
	case mine:
		w.Publish(masking.Event{Kind: masking.MessageMoved, At: w.Now(), RideID: m.RideID, MessageID: m.ID, State: to})
	}
}

func (w *Worker) fail(m masking.Message, code int, reason string) {
	if err := w.Fail(context.Background(), m, code, reason); err != nil {
		w.Log.Error("a message was not marked", "message", m.ID, "as", masking.Failed, "err", err)
	}
}
