package exchange

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"birdcar/internal/store"
)

const (
	// noteWithin is how long a caller waits for the note that their call's signature was used.
	noteWithin = 300 * time.Millisecond
	maxUnnoted = 1 << 16 // signatures that a process remembers
)

// letIn admits a call by its signature, once. The database notes that, for all instances; while
// it cannot, this process remembers it, so that a call, which only reads, is not held up.
// ErrReplayed; any other error: it can be neither noted nor remembered.
func (x *Exchange) letIn(ctx context.Context, p Proof) error {
	if p.ID == "" {
		return nil
	}
	fresh, kept := x.unnoted.add(p, x.Now())
	if !fresh {
		return ErrReplayed
	}
	ctx = context.WithoutCancel(ctx) // the note may come through after the answer
	err := inTime(noteWithin, func() error {
		err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return p.use(ctx, tx) })
		if err == nil || errors.Is(err, ErrReplayed) {
			x.unnoted.drop(p)
		}
		return err
	})
	if err == nil || errors.Is(err, ErrReplayed) || !kept {
		return err
	}
	x.Log.Warn("a call's signature was not noted in the database; this instance remembers it", "err", err)
	return nil
}

// unnoted are the signatures of calls, until they expire, that the database has no note of as far
// as we know: it is being written, or could not be. The zero unnoted is ready.
type unnoted struct {
	mu    sync.Mutex
	until map[string]time.Time
	swept time.Time
}

// add adds a signature; fresh: it was not there. kept is false if there is no room.
func (u *unnoted) add(p Proof, now time.Time) (fresh, kept bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if now.Sub(u.swept).Abs() >= time.Second {
		maps.DeleteFunc(u.until, func(_ string, until time.Time) bool { return until.Before(now) })
		u.swept = now
	}
	if _, there := u.until[p.ID]; there {
		return false, true
	} else if len(u.until) >= maxUnnoted {
		return true, false
	}
	if u.until == nil {
		u.until = map[string]time.Time{}
	}
	u.until[p.ID] = p.Expires
	return true, true
}

func (u *unnoted) drop(p Proof) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.until, p.ID)
}
