package outbox

import (
	"context"
	"sync"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// sent leaves it to the marker to note that the carrier took m: the goroutine that sent it
// sends the next meanwhile.
func (w *Worker) sent(m masking.Message, carrierID string) {
	w.counts.sent.Add(1)
	m.CarrierID = carrierID
	w.taken <- m
}

// markTaken marks what was sent, all that came meanwhile in one transaction, until nothing
// more comes.
func (w *Worker) markTaken() {
	var alone sync.WaitGroup
	defer alone.Wait()
	for first := range w.taken {
		batch := []masking.Message{first}
		for len(w.taken) > 0 && len(batch) < unmarked {
			batch = append(batch, <-w.taken)
		}
		if err := w.markSent(batch...); err == nil {
			for _, m := range batch {
				w.hand.drop(m.ID)
			}
			continue
		}
		// One by one, and beside what comes next, so that none pays for another's failure.
		for _, m := range batch {
			alone.Go(func() {
				w.persist(m, masking.Sent, func(context.Context) error { return w.markSent(m) })
			})
		}
	}
}

// markSent marks what was sent, takes the next of each lane in hand, and tells those who watch.
func (w *Worker) markSent(taken ...masking.Message) error {
	var marked, next []masking.Message
	err := w.Store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) (err error) {
		if marked, err = tx.MarkSent(ctx, taken...); err != nil {
			return err
		}
		next, err = tx.ClaimNext(ctx, w.lease(), marked...)
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range taken {
		w.tries.forget(m.ID)
	}
	w.hand.put(next...)
	for _, m := range marked {
		w.Publish(masking.Event{Kind: masking.MessageMoved, At: w.Now(), RideID: m.RideID, MessageID: m.ID, State: masking.Sent})
	}
	return nil
}

// lease is 0 while the database holds what memory does not: then the sweep takes
// the next of each lane at its own pace.
func (w *Worker) lease() time.Duration {
	if w.Ready() {
		return Lease
	}
	return 0
}

// wait puts m back after a try that came to nothing.
func (w *Worker) wait(m masking.Message, wait store.Wait) {
	w.counts.retried.Add(1)
	w.mark(m, masking.Queued, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return tx.MarkWaiting(ctx, m, wait)
	})
}

// postpone puts m back without a try, until due.
func (w *Worker) postpone(m masking.Message, due time.Time) {
	w.mark(m, masking.Queued, func(ctx context.Context, tx *store.Tx) (bool, error) { return tx.Postpone(ctx, m, due) })
}

// giveBack puts m back without a try.
func (w *Worker) giveBack(m masking.Message) {
	w.mark(m, masking.Queued, func(ctx context.Context, tx *store.Tx) (bool, error) {
		return true, tx.GiveBack(ctx, []masking.Message{m})
	})
}

func (w *Worker) fail(m masking.Message, code int, reason string) {
	w.counts.failed.Add(1)
	w.tries.forget(m.ID)
	w.persist(m, masking.Failed, func(ctx context.Context) error { return w.Fail(ctx, m, code, reason) })
}

// mark stores what became of m, and tells those who watch.
func (w *Worker) mark(m masking.Message, to masking.MessageState, write func(context.Context, *store.Tx) (bool, error)) {
	var mine bool
	w.persist(m, to, func(ctx context.Context) error {
		return w.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			mine, err = write(ctx, tx)
			return err
		})
	})
	if mine {
		w.Publish(masking.Event{Kind: masking.MessageMoved, At: w.Now(), RideID: m.RideID, MessageID: m.ID, State: to})
	}
}

// persist stores what became of m, again until the database takes it. When it
// never does the claim lapses, and the carrier is asked before m is sent again. Either
// way it is out of hand.
func (w *Worker) persist(m masking.Message, as masking.MessageState, write func(context.Context) error) {
	defer w.hand.drop(m.ID)
	for pause, began := 100*time.Millisecond, time.Now(); ; pause = min(2*pause, 5*time.Second) {
		err := write(context.Background())
		if err == nil {
			return
		}
		w.Log.Error("a message was not marked", "message", m.ID, "as", as, "err", err)
		if time.Since(began) > Lease {
			w.tries.end(m.ID)
			return
		}
		select {
		case <-time.After(pause):
		case <-w.stopping:
			return
		}
	}
}
