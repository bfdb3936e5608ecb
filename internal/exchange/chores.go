package exchange

import (
	"context"
	"time"

	"birdcar/internal/store"
)

// choresEvery is how often it is looked whether there is something to do.
const choresEvery = 15 * time.Second

// Chores does what takes long and nobody waits for, until ctx ends: it writes
// rosters that were started, counts how the pool is used and forgets old rosters.
func (x *Exchange) Chores(ctx context.Context) {
	tick := time.NewTicker(choresEvery)
	defer tick.Stop()
	for {
		for _, chore := range []struct {
			name string
			do   func(context.Context) error
		}{
			{"writing a list of people", x.WriteRosters},
			{"counting the pool's use", x.countUse},
			{"counting texts by the minute", x.Store.CountMinutes},
			{"forgetting old lists of people", x.dropOldRosters},
		} {
			if err := chore.do(ctx); err != nil && ctx.Err() == nil {
				x.Log.Error(chore.name+" failed, and will be tried again", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-x.chores:
		}
	}
}

// hasChores makes Chores look at once.
func (x *Exchange) hasChores() {
	select {
	case x.chores <- struct{}{}:
	default:
	}
}

const (
	// countBatch is how many texts are counted in a transaction, which may be of as many
	// numbers, and countPause how long others have the database to themselves before the
	// next: texts that come meanwhile wait for it, 30 ms if it is 20,000.
	countBatch = 1_000
	countPause = 20 * time.Millisecond
	// countAfter is how old a text is when it is counted: with several writers a
	// row with a lower id may appear a moment after one with a higher.
	countAfter = 10 * time.Second
	daysKept   = 60
)

// countUse counts the texts of each proxy number by day, and keeps the busiest
// moment of the pool. It reads behind the texts' back, so that a text costs nothing more.
func (x *Exchange) countUse(ctx context.Context) error {
	today := x.Now().In(x.Zone)
	use, err := x.Store.PoolUse(ctx)
	if err != nil {
		return err
	}
	err = x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.NotePoolDay(ctx, today, use); err != nil {
			return err
		}
		return tx.DropDays(ctx, today.AddDate(0, 0, -daysKept))
	})
	before := x.Now().Add(-countAfter)
	for more := true; more && err == nil && ctx.Err() == nil; {
		more, err = x.Store.CountTexts(ctx, x.Zone, before, countBatch)
		select {
		case <-ctx.Done():
		case <-time.After(countPause):
		}
	}
	return err
}
