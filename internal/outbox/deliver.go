package outbox

import (
	"cmp"
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
	if !pass {
		w.giveBack(m)
		return
	}
	if learned := w.try(m, probe); probe && !learned {
		w.gate.giveBack()
	}
}

// try asks about m if need be and sends it. learned: the gate heard how it went.
func (w *Worker) try(m masking.Message, probe bool) (learned bool) {
	if !m.Uncertain.IsZero() {
		if settled, learned := w.ask(m, probe); settled {
			return learned
		}
	}
	// A claim that could not be renewed is about to be another process's.
	if !w.hand.lasts(m, w.Now().Add(sendWithin+w.Settle)) {
		w.giveBack(m)
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	began := w.Now()
	carrierID, err := w.Sender.Send(ctx, m)
	w.learn(m, probe, err)
	if err == nil {
		w.sent(m, carrierID)
		return true
	}
	w.failed(m, began, err)
	return true
}

// ask finds out whether an earlier try reached the carrier. settled: nothing is
// left to do with m now; only a certain no leaves it to be sent.
func (w *Worker) ask(m masking.Message, probe bool) (settled, learned bool) {
	ago, ours := w.tries.since(m.ID)
	if early := w.Settle - ago; early > 0 {
		w.postpone(m, w.Now().Add(early))
		return true, false
	}
	if ours { // the machine's clock may have been set since
		m.Uncertain = w.Now().Add(-ago - sendWithin)
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendWithin)
	defer cancel()
	carrierID, err := w.Sender.Find(ctx, m)
	switch {
	case err == nil:
		w.counts.adopted.Add(1)
		w.sent(m, carrierID)
		return true, false // that it answers questions does not say that it takes messages
	case errors.Is(err, masking.ErrNotFound):
		w.tries.forget(m.ID)
		old := w.tooOld(m)
		if old {
			w.fail(m, m.Code, cmp.Or(m.Reason, "BirdCar was stopped while it was sent, and it is too old to be sent now."))
		}
		return old, false
	}
	w.learn(m, probe, err)
	e := asCarrierError(err)
	if w.tooOld(m) && e.Outcome != masking.Refused {
		w.fail(m, e.Code, "It is not known whether it was sent: "+e.Reason)
		return true, true
	}
	w.wait(m, store.Wait{Due: w.nextTry(m, e), Uncertain: m.Uncertain, Code: e.Code, Reason: e.Reason})
	return true, true
}

// failed decides what becomes of m after a try to send it that began then and
// came to nothing.
func (w *Worker) failed(m masking.Message, began time.Time, err error) {
	e := asCarrierError(err)
	wait := store.Wait{Due: w.nextTry(m, e), Code: e.Code, Reason: e.Reason}
	switch {
	case e.Outcome == masking.Rejected:
		w.fail(m, e.Code, e.Reason)
		return
	case e.Outcome == masking.Unknown:
		w.tries.end(m.ID)
		wait.Uncertain = began
		if settled := w.Now().Add(w.Settle); wait.Due.Before(settled) {
			wait.Due = settled
		}
	case e.Outcome == masking.Refused:
		// The account's fault does not age the message. But the next that is tried must be another:
		// perhaps this one alone is more than the balance pays for.
		wait.Due = w.Now()
	case w.tooOld(m):
		w.fail(m, e.Code, e.Reason)
		return
	}
	w.wait(m, wait)
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
	for range min(m.Attempts, 12) {
		pause = b.NextBackOff()
	}
	return w.Now().Add(max(pause, e.RetryAfter))
}

// learn tells the gate the outcome of a talk with the carrier about m.
func (w *Worker) learn(m masking.Message, probe bool, err error) {
	if err != nil {
		err = asCarrierError(err)
	}
	if !w.gate.learn(m.To, probe, err) {
		return
	}
	if s := w.gate.snapshot(); s.Stopped {
		w.Log.Warn("sending stopped", "account", s.Account, "reason", s.Reason)
	} else {
		w.Log.Info("sending goes on")
		w.backlog.Store(true)
		w.look()
	}
	w.Publish(masking.Event{Kind: masking.SendingMoved, At: w.Now()})
}
