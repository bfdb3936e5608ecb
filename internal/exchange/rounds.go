package exchange

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"birdcar/internal/masking"
)

const (
	maxTogether = 128 // members of a round
	maxRounds   = 32  // rounds that may wait for those before them; more is masking.ErrBusy
)

// rounds serves concurrent requests together: all that come while one round is under way are
// in the next.
type rounds[T any] struct {
	do func(members []T) // a round

	mu      sync.Mutex
	waiting []*round[T]
	busy    bool // a round is under way
}

type round[T any] struct {
	members []T
	err     error
	over    chan struct{}
}

// join returns when a round with v in it is over. Its error is about all in it: too many
// wait, or do panicked.
func (r *rounds[T]) join(v T) error {
	mine, first, err := r.add(v)
	if err != nil {
		return err
	}
	if first {
		go r.run()
	}
	<-mine.over
	return mine.err
}

// add puts v into a round that has not begun. first: none is under way, so somebody shall run them.
func (r *rounds[T]) add(v T) (mine *round[T], first bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.waiting); n > 0 && len(r.waiting[n-1].members) < maxTogether {
		mine = r.waiting[n-1]
	} else if n < maxRounds {
		mine = &round[T]{over: make(chan struct{})}
		r.waiting = append(r.waiting, mine)
	} else {
		return nil, false, fmt.Errorf("%d already wait: %w", maxRounds*maxTogether, masking.ErrBusy)
	}
	mine.members = append(mine.members, v)
	first, r.busy = !r.busy, true
	return mine, first, nil
}

// take is the round that is next; nil: none waits, so nobody runs them any more.
func (r *rounds[T]) take() (next *round[T]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy = len(r.waiting) > 0; r.busy {
		next, r.waiting = r.waiting[0], r.waiting[1:]
	}
	return next
}

// run holds rounds until nobody waits for one.
func (r *rounds[T]) run() {
	for {
		runtime.Gosched() // under load: whoever is about to join does so first
		now := r.take()
		if now == nil {
			return
		}
		now.err = r.hold(now.members)
		close(now.over)
	}
}

func (r *rounds[T]) hold(members []T) error {
	return caught(func() error {
		r.do(members)
		return nil
	})
}

// caught returns work's error, or the panic that ended it: in a goroutine of its own it would end
// the program.
func caught(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return work()
}
