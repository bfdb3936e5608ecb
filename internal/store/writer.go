package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"birdcar/internal/masking"
)

const (
	writeQueue = 4096 // jobs that may wait for a writer; more are masking.ErrBusy
	company    = 8    // jobs that share a commit well enough not to let others run first
	// How often a transaction is tried that lost to another one, or its connection,
	// and how long before the second time; each later time twice as long.
	writeTries = 6
	writePause = 10 * time.Millisecond
)

// Tx is a transaction. Now is its time, the same for all it writes.
type Tx struct {
	reads
	Now time.Time

	alone    *writer // set when nobody else's work is in this transaction
	hasLists bool    // by LockLists
}

var sleep = time.Sleep

// rest leaves the processor to others for a moment, in the middle of long work, unless somebody
// waits for this transaction's end.
func (tx *Tx) rest(pause time.Duration) {
	if tx.alone != nil && len(tx.alone.jobs) == 0 {
		sleep(pause)
	}
}

// writer runs transactions. With SQLite, which takes one at a time, those who
// arrive together get one for all, so that they share its commit: one wait for the disk
// instead of one each. Nobody is kept waiting for company, and nobody is
// answered before the commit that holds its work. PostgreSQL does that by itself
// for transactions that run side by side.
type writer struct {
	jobs chan *job
	done sync.WaitGroup
	mu   sync.RWMutex // held for writing only to close jobs
	shut bool
}

type job struct {
	ctx      context.Context
	work     func(context.Context, *Tx) error
	patience time.Duration // of an engine whose transactions have one job each
	err      error
	done     chan struct{}
}

func (w *writer) start(s *Store) {
	w.jobs = make(chan *job, writeQueue)
	for range s.engine.writers {
		w.done.Go(func() {
			for first := range w.jobs {
				if err := s.runBatch(w.gather(first, s.engine.batch)); errors.Is(err, masking.ErrBusy) {
					// Who came meanwhile has waited as well, and would wait as long again.
					for _, j := range w.gather(nil, writeQueue) {
						j.finish(err)
					}
				}
			}
		})
	}
}

// gather is first, if any, and who waits already, limit at most.
func (w *writer) gather(first *job, limit int) []*job {
	batch := make([]*job, 0, min(limit, 16))
	if first != nil {
		batch = append(batch, first)
	}
	if limit > 1 && len(w.jobs) < company {
		runtime.Gosched() // whoever was just answered, or is about to come, comes along
	}
	for len(batch) < limit {
		select {
		case next, ok := <-w.jobs:
			if !ok {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (w *writer) stop() {
	w.mu.Lock()
	if !w.shut {
		w.shut = true
		close(w.jobs)
	}
	w.mu.Unlock()
	w.done.Wait()
}

// Tx runs work in a transaction and returns once that is on disk, or rolled back
// with work's error. Work may run more than once, so it must set what it hands
// out anew each time, and do nothing but use its Tx and pass its errors on. It is not
// cancelled once begun; while it waits for its turn, ctx may end it. masking.ErrBusy:
// too much waits already, another process holds the database, or it is out of
// reach; whether work came to be is then not known, but it is whole or not at all.
func (s *Store) Tx(ctx context.Context, work func(ctx context.Context, tx *Tx) error) error {
	return s.run(&job{ctx: ctx, work: work, patience: writePatience})
}

// LongTx is Tx for very many rows, which may take an hour.
func (s *Store) LongTx(ctx context.Context, work func(ctx context.Context, tx *Tx) error) error {
	return s.run(&job{ctx: ctx, work: work, patience: longPatience})
}

func (s *Store) run(j *job) error {
	j.done = make(chan struct{})
	if err := s.writer.put(j); err != nil {
		return err
	}
	<-j.done
	return j.err
}

func (w *writer) put(j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.shut {
		return errors.New("the store is closed")
	}
	select {
	case w.jobs <- j:
		return nil
	default:
		return fmt.Errorf("%d writes wait: %w", writeQueue, masking.ErrBusy)
	}
}

// runBatch runs the jobs in one transaction. When one spoils it, each runs in
// its own, so that nobody pays for another's failure. When the database takes no
// transaction now, all of them fail with the error that it returns.
func (s *Store) runBatch(batch []*job) error {
	waiting := batch[:0]
	for _, j := range batch {
		if err := j.ctx.Err(); err != nil {
			j.finish(err)
			continue
		}
		waiting = append(waiting, j)
	}
	if len(waiting) == 0 {
		return nil
	}
	err := s.runRepeatedly(waiting)
	switch {
	case err == errSpoilt && len(waiting) == 1:
		waiting[0].finish(waiting[0].err)
		return nil
	case err != errSpoilt:
		for _, j := range waiting {
			j.finish(cmp.Or(err, j.err))
		}
		return err
	}
	for i, j := range waiting {
		if err = s.runRepeatedly(waiting[i : i+1]); err != nil && err != errSpoilt {
			for _, rest := range waiting[i:] {
				rest.finish(err)
			}
			return err
		}
		j.finish(j.err)
	}
	return nil
}

func (j *job) finish(err error) {
	j.err = err
	close(j.done)
}

// errSpoilt says that a part of a transaction failed after it wrote, or so that it may have
// ended the whole; its error is in its job.
var errSpoilt = errors.New("a part of the transaction failed after it wrote")

// runRepeatedly is runTogether, again where the engine says that it may succeed then.
func (s *Store) runRepeatedly(jobs []*job) error {
	pause := writePause
	for try := 1; ; try++ {
		err := s.runTogether(jobs)
		if err == errSpoilt || err == nil {
			if try == writeTries || len(jobs) > 1 || !s.engine.again(jobs[0].err) {
				return err
			}
		} else if try == writeTries || !s.engine.again(err) {
			return err
		}
		time.Sleep(pause/2 + rand.N(pause)) // who lost to each other must not meet again
		pause *= 2
	}
}

// commitError says that a commit was not confirmed: the work may be on disk.
type commitError struct{ error }

func (e commitError) Unwrap() error { return e.error }

// runTogether leaves each job's own error in it, and returns an error when the
// transaction as a whole came to nothing.
func (s *Store) runTogether(jobs []*job) error {
	ctx, cancel := s.engine.bounded(context.Background(), jobs[0].patience)
	defer cancel()
	sqlTx, err := s.engine.begin(ctx, s.write)
	if err != nil {
		return s.explain(err)
	}
	defer sqlTx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	now := s.now().Truncate(time.Millisecond)
	committing := false
	var alone *writer
	if len(jobs) == 1 {
		alone = &s.writer
	}
	for _, j := range jobs {
		wrote := false
		tx := &Tx{reads: reads{querier{sqlTx, &s.engine, &wrote}}, Now: now, alone: alone}
		j.err = s.explain(j.run(ctx, tx))
		if j.err != nil && (wrote || s.engine.spoils(j.err)) {
			return errSpoilt
		}
		committing = committing || wrote
	}
	if !committing {
		return nil
	}
	if err := sqlTx.Commit(); err != nil {
		return s.explain(commitError{err})
	}
	s.checkpointer.committed()
	return nil
}

func (j *job) run(ctx context.Context, tx *Tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", p, debug.Stack())
			*tx.wrote = true
		}
	}()
	return j.work(ctx, tx)
}

// explain gives the driver's errors the meanings that callers act on.
func (s *Store) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return masking.ErrNotFound
	case s.engine.unique(err):
		return fmt.Errorf("%w: %w", masking.ErrConflict, err)
	}
	return s.reached(err)
}
