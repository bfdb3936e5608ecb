package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// work is one kind of request. For each connection it makes a function that does
// one that was due at a time, and fails when the answer is not the right one.
type work func(c *conn, connection int) func(due time.Time) error

// sample is what a load brought, or several loads of the same kind.
type sample struct {
	took      time.Duration // after the warm-up
	counted   int64         // answers in that time
	cpu       time.Duration // processor time of the server, the warm-up's too
	answers   int64         // for which it was spent
	latencies []time.Duration
}

func (s *sample) add(more sample) {
	s.took += more.took
	s.counted += more.counted
	s.cpu += more.cpu
	s.answers += more.answers
	s.latencies = append(s.latencies, more.latencies...)
}

// result sums a sample up.
type result struct {
	Rate float64 `json:"rate,omitempty"` // answers a second
	P50  float64 `json:"p50_ms,omitempty"`
	P99  float64 `json:"p99_ms,omitempty"`
	CPU  float64 `json:"cpu_us,omitempty"` // processor time of the server for each answer, in microseconds
}

func (r result) String() string {
	if r.P99 > 0 {
		return fmt.Sprintf("p50 %.2f ms, p99 %.2f ms", r.P50, r.P99)
	}
	return fmt.Sprintf("%.0f/s, %.0f µs of processor each", r.Rate, r.CPU)
}

func (s sample) result() result {
	r := result{}
	if s.took > 0 {
		r.Rate = float64(s.counted) / s.took.Seconds()
	}
	if s.answers > 0 {
		r.CPU = float64(s.cpu.Microseconds()) / float64(s.answers)
	}
	if len(s.latencies) > 0 {
		slices.Sort(s.latencies)
		at := func(q float64) float64 {
			i := int(math.Ceil(q*float64(len(s.latencies)))) - 1
			return float64(s.latencies[max(i, 0)].Microseconds()) / 1000
		}
		r.P50, r.P99 = at(0.50), at(0.99)
	}
	return r
}

// load runs for a while after it has warmed up.
type load func(duration time.Duration) (sample, error)

// turns is how often loads that are held against each other take turns.
const turns = 4

// inTurns runs each load for duration, a quarter of that at a time and one after the
// other: a machine that others use too changes its speed within minutes, and what is
// held against each other shall see the same of it.
func inTurns(duration time.Duration, loads ...load) ([]sample, error) {
	samples := make([]sample, len(loads))
	for range turns {
		for i, load := range loads {
			s, err := load(duration / turns)
			if err != nil {
				return nil, err
			}
			samples[i].add(s)
		}
	}
	return samples, nil
}

// closed keeps every connection busy, for what the server can do at most. Its
// latencies would say nothing: a slow answer delays the next question. A fifth of the
// time before it warms up and does not count. It ends sooner where there is no more to do.
func closed(server *child, connections int, do work) load {
	return func(duration time.Duration) (sample, error) {
		var answers, counted atomic.Int64
		var done atomic.Pointer[time.Time] // when there was no more to do; nil: there is
		before, err := server.processor()
		if err != nil {
			return sample{}, err
		}
		begin := time.Now().Add(duration / 5)
		end := begin.Add(duration)
		err = connect(server.address, connections, do, func(once func(time.Time) error) error {
			for now := time.Now(); ; {
				if err := once(now); errors.Is(err, errDone) {
					now = time.Now()
					done.CompareAndSwap(nil, &now)
					return nil
				} else if err != nil {
					return err
				}
				answers.Add(1)
				now = time.Now()
				if now.After(end) || done.Load() != nil {
					return nil
				}
				if now.After(begin) {
					counted.Add(1)
				}
			}
		})
		if err != nil {
			return sample{}, err
		}
		if at := done.Load(); at != nil {
			if duration = at.Sub(begin); duration <= 0 {
				return sample{}, fmt.Errorf("%w before it had warmed up; measure for a shorter time, or more rides: -duration, -sizes", errDone)
			}
		}
		if counted.Load() == 0 {
			return sample{}, errNothing(duration)
		}
		after, err := server.processor()
		return sample{took: duration, counted: counted.Load(), cpu: after - before, answers: answers.Load()}, err
	}
}

// errDone is a work's that cannot be done any more, which is no fault.
var errDone = errors.New("no more to do")

// errNothing says that a load brought no figure: 0 would be none.
func errNothing(duration time.Duration) error {
	return fmt.Errorf("not one answer counted in %s; measure for longer: -duration", duration)
}

// half is a load that learns half of the rate at which full runs now: what loads that come
// after it in their turn ask at. It is learned in each turn, because a rate learned when the
// machine was faster may be all that it can do now.
func half(full load) (learn load, rate func() float64) {
	var now float64
	learn = func(duration time.Duration) (sample, error) {
		s, err := full(duration / 2)
		now = s.result().Rate / 2
		return s, err
	}
	return learn, func() float64 { return now }
}

func fixed(rate float64) func() float64 { return func() float64 { return rate } }

// open asks at a rate, whatever the answers do, and measures each latency
// from when the question was due: one that had to wait for a free connection
// counts its wait. It warms up as closed does.
func open(ctx context.Context, server *child, connections int, rate func() float64, do work) load {
	return func(duration time.Duration) (sample, error) {
		// One processor is enough to ask at such a rate; more would spend theirs on waking each other.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		due := make(chan time.Time, 1<<20)
		var mu sync.Mutex
		s := sample{took: duration}
		warm := time.Now().Add(duration / 5)
		last := warm.Add(duration)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		paced := make(chan error, 1)
		go func() { paced <- pace(ctx, rate(), last, due) }()
		err := connect(server.address, connections, do, func(once func(time.Time) error) error {
			var own []time.Duration
			for at := range due {
				if err := once(at); err != nil {
					return err
				}
				if at.After(warm) {
					own = append(own, time.Since(at))
				}
			}
			mu.Lock()
			defer mu.Unlock()
			s.latencies = append(s.latencies, own...)
			return nil
		})
		cancel() // whoever asked has ended, and takes nothing any more
		if err := cmp.Or(err, <-paced); err != nil {
			return sample{}, err
		}
		if s.counted = int64(len(s.latencies)); s.counted == 0 {
			return sample{}, errNothing(duration)
		}
		return s, nil
	}
}

// tick is how often questions are handed out at most: all that came due meanwhile go
// together, and each latency holds how late its question was.
const tick = 100 * time.Microsecond

// pace sends the times at which questions are due, as they come. The kernel's own timer
// wakes it, through the same poll as the answers: Go's timers are a millisecond late on a
// machine at rest, and a thread that sleeps costs what is measured beside it a tenth of the
// processors.
func pace(ctx context.Context, rate float64, last time.Time, due chan<- time.Time) error {
	defer close(due)
	if !(rate > 0) {
		return fmt.Errorf("nothing can be asked %g times a second", rate)
	}
	gap := time.Duration(float64(time.Second) / rate)
	timer, err := newTimer(max(gap, tick))
	if err != nil {
		return err
	}
	defer timer.Close()
	expirations := make([]byte, 8)
	for at := time.Now().Add(gap); at.Before(last); {
		if _, err := timer.Read(expirations); err != nil {
			return err
		}
		for now := time.Now(); !at.After(now) && at.Before(last); at = at.Add(gap) {
			select {
			case due <- at:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	return nil
}

// newTimer is a file that can be read once in each interval, timerfd_create(2).
func newTimer(interval time.Duration) (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	every := unix.NsecToTimespec(int64(interval))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: every, Value: every}, nil); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "timer"), nil
}

func connect(address string, connections int, do work, run func(once func(time.Time) error) error) error {
	errs := make([]error, connections)
	var all sync.WaitGroup
	for i := range connections {
		c, err := dial(address)
		if err != nil {
			return err
		}
		defer c.close()
		all.Go(func() { errs[i] = run(do(c, i)) })
	}
	all.Wait()
	return cmp.Or(errs...)
}
