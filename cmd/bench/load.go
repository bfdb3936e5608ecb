package main

import (
	"cmp"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// work is one kind of request. For each connection it makes a function that does
// one that was due at a time, and fails when the answer is not the right one.
type work func(c *conn, connection int) func(due time.Time) error

// result is what a load brought.
type result struct {
	Rate float64 `json:"rate"` // answers a second
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

// closed keeps every connection busy, for what the server can do at most. Its
// latencies say nothing: a slow answer delays the next question. The first fifth
// of the time warms up and does not count.
func closed(server *child, connections int, duration time.Duration, do work) (result, error) {
	var answers, counted atomic.Int64
	before, err := server.processor()
	if err != nil {
		return result{}, err
	}
	begin := time.Now().Add(duration / 5)
	end := begin.Add(duration)
	err = connect(server.address, connections, do, func(once func(time.Time) error) error {
		for now := time.Now(); ; {
			if err := once(now); err != nil {
				return err
			}
			answers.Add(1)
			now = time.Now()
			if now.After(end) {
				return nil
			}
			if now.After(begin) {
				counted.Add(1)
			}
		}
	})
	if err != nil {
		return result{}, err
	}
	after, err := server.processor()
	return result{
		Rate: float64(counted.Load()) / duration.Seconds(),
		CPU:  float64((after - before).Microseconds()) / float64(answers.Load()),
	}, err
}

// open asks at a fixed rate, whatever the answers do, and measures each latency
// from when the question was due: one that had to wait for a free connection
// counts its wait.
func open(server *child, connections int, rate float64, duration time.Duration, do work) (result, error) {
	due := make(chan time.Time, 1<<20)
	var mu sync.Mutex
	var latencies []time.Duration
	warm := time.Now().Add(duration / 5)
	last := warm.Add(duration)
	go pace(rate, last, due)
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
		latencies = append(latencies, own...)
		return nil
	})
	if err != nil {
		return result{}, err
	}
	r := quantiles(latencies)
	r.Rate = float64(len(latencies)) / duration.Seconds()
	return r, nil
}

// pace sends the times at which questions are due, as they come. It has a thread
// of its own: Go's timers are a millisecond late on a machine at rest.
func pace(rate float64, last time.Time, due chan<- time.Time) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(due)
	gap := time.Duration(float64(time.Second) / rate)
	for at := time.Now(); at.Before(last); at = at.Add(gap) {
		for wait := time.Until(at); wait > 0; wait = time.Until(at) {
			spec := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&spec, nil) // woken early: the loop sleeps again
		}
		due <- at
	}
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

func quantiles(latencies []time.Duration) result {
	if len(latencies) == 0 {
		return result{}
	}
	slices.Sort(latencies)
	at := func(q float64) float64 {
		i := int(math.Ceil(q*float64(len(latencies)))) - 1
		return float64(latencies[max(i, 0)].Microseconds()) / 1000
	}
	return result{P50: at(0.50), P99: at(0.99)}
}
