package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

type bench struct {
	birdcar, dir, postgres string
	sizes                  []int
	duration               time.Duration
	connections            int

	self    string // this program
	limits  *child
	carrier *carrier
	sent    []atomic.Int64 // by a text's number: when its webhook was due
	report  report
}

const (
	manyNumbers = 10_000
	fewNumbers  = 100
	admins      = 64  // connections that create rides
	senders     = 256 // connections that bring texts when all is asked of BirdCar: each waits for its text to be forwarded
)

func (b *bench) run(ctx context.Context) (report, error) {
	var err error
	if b.self, err = os.Executable(); err != nil {
		return b.report, err
	}
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return b.report, err
	}
	if b.carrier, err = newCarrier(max(senders, b.connections)); err != nil {
		return b.report, err
	}
	defer b.carrier.close()
	b.sent = make([]atomic.Int64, maxTexts)
	if b.report.Machine, err = b.machine(); err != nil {
		return b.report, err
	}
	engines := []engine{b.sqlite()}
	if b.postgres != "" {
		engines = append(engines, b.postgresAt(b.postgres))
	}
	for _, size := range b.sizes {
		for _, e := range engines {
			if err := b.measure(ctx, e, size); err != nil {
				return b.report, fmt.Errorf("%s with %d rides: %w", e.name, size, err)
			}
		}
	}
	return b.report, nil
}

func (b *bench) machine() (m machine, err error) {
	m = machine{Cores: runtime.NumCPU(), Processor: processor(), Go: runtime.Version(), Date: time.Now().UTC().Format(time.DateOnly)}
	if m.DiskWrites, err = diskWrites(b.dir, 2*time.Second); err != nil {
		return m, err
	}
	file, err := os.Stat(b.birdcar)
	if err != nil {
		return m, err
	}
	m.Binary = file.Size()
	return m, nil
}

// subject is a running BirdCar with the database behind it.
type subject struct {
	*child
	url                string
	callers            []caller
	customers, drivers []masking.Party
}

func (b *bench) start(ctx context.Context, e engine, size, numbers int) (s subject, err error) {
	if s.url, err = e.copy(ctx, size, numbers); err != nil {
		return s, err
	}
	db, err := store.Open(ctx, s.url, time.Now)
	if err != nil {
		return s, err
	}
	rides, err := db.CurrentRides(ctx, 20_000)
	if err == nil {
		s.customers, err = db.Parties(ctx, masking.Customer)
	}
	if err == nil {
		s.drivers, err = db.Parties(ctx, masking.Driver)
	}
	if err != nil {
		return s, err
	}
	s.callers = callersOf(rides, time.Now().Add(time.Hour))
	if err := db.Close(); err != nil {
		return s, err
	}
	s.child, err = start(ctx, []string{"DATABASE_URL=" + s.url, "WEBHOOK_TOKEN=" + token, "ADMIN_PASSWORD=" + password,
		"MESSAGEBIRD_API_KEY=benchmark", "MESSAGEBIRD_API_URL=" + b.carrier.url(), "MESSAGEBIRD_NUMBERS_URL=" + b.carrier.url()}, b.birdcar)
	return s, err
}

func (b *bench) measure(ctx context.Context, e engine, size int) error {
	b.forgetTexts()
	s, err := b.start(ctx, e, size, manyNumbers)
	if err != nil {
		return err
	}
	defer s.stop() //nolint:errcheck // where it matters it is stopped before
	// A new one for each database: the numbers of the texts that it has seen begin anew.
	relay := filepath.Join(b.dir, "relay.db")
	dropFile(ctx, relay)
	defer dropFile(ctx, relay)
	if b.limits, err = start(ctx, nil, b.self, "limits", b.carrier.url(), relay); err != nil {
		return err
	}
	defer b.limits.stop() //nolint:errcheck // nothing depends on how it ends
	f := figures{Engine: e.name, Rides: size, Started: s.started.Seconds() * 1000}
	time.Sleep(2 * time.Second) // at rest is after the start
	if f.MemoryAtRest, _, err = s.memory(); err != nil {
		return err
	}
	for _, step := range []func(context.Context, *figures, subject) error{b.calls, b.texts, b.rides} {
		if err := step(ctx, &f, s); err != nil {
			return err
		}
	}
	if _, f.MemoryPeak, err = s.memory(); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	if e.name == "SQLite" {
		if f.GroupCommits, err = groupCommits(s.url, b.connections, b.duration/2); err != nil {
			return err
		}
	}
	e.drop(ctx, s.url)

	few, err := b.start(ctx, e, size, fewNumbers)
	if err != nil {
		return err
	}
	defer few.stop() //nolint:errcheck // as above
	if f.RidesFew, err = b.create(few); err != nil {
		return err
	}
	if err := few.stop(); err != nil {
		return err
	}
	e.drop(ctx, few.url)
	b.report.Figures = append(b.report.Figures, f)
	return nil
}

// forgetTexts lets the numbers of texts begin anew, for another database.
func (b *bench) forgetTexts() {
	texts.Store(0)
	clear(b.sent)
	clear(b.carrier.arrived)
}

// say tells how far the run is.
func say(f *figures, what string, r, limit result) {
	fmt.Fprintf(os.Stderr, "%-10s %8d rides  %-22s %s (limit %s)\n", f.Engine, f.Rides, what, r, limit)
}

func (b *bench) calls(_ context.Context, f *figures, s subject) error {
	ask, askEmpty := calling(s.callers, true), calling(s.callers, false)
	r, err := inTurns(b.duration, closed(b.limits, b.connections, askEmpty), closed(s.child, b.connections, ask))
	if err != nil {
		return err
	}
	f.Empty, f.Calls = r[0].result(), r[1].result()
	say(f, "call flows", f.Calls, f.Empty)
	half := f.Calls.Rate / 2
	if r, err = inTurns(b.duration, open(b.limits, b.connections, half, askEmpty), open(s.child, b.connections, half, ask)); err != nil {
		return err
	}
	f.EmptyHalf, f.CallsHalf = r[0].result(), r[1].result()
	say(f, "at half of that", f.CallsHalf, f.EmptyHalf)
	return nil
}

func (b *bench) texts(ctx context.Context, f *figures, s subject) error {
	db, err := store.Open(ctx, s.url, time.Now)
	if err != nil {
		return err
	}
	defer db.Close()
	text := func(path string, wait bool) work { return texting(s.callers, path, b.carrier, wait, b.sent) }
	const hook = "/webhook?token=" + token

	r, err := inTurns(b.duration,
		closed(b.limits, b.connections, text("/webhook", false)),
		b.whole(ctx, db, closed(s.child, senders, text(hook, true)), nil),
		b.whole(ctx, db, closed(b.limits, senders, text("/relay", true)), nil))
	if err != nil {
		return err
	}
	f.EmptyPosts, f.Texts, f.BareRelay = r[0].result(), r[1].result(), r[2].result()
	say(f, "texts relayed", f.Texts, f.EmptyPosts)
	say(f, "by a bare relay", f.BareRelay, f.EmptyPosts)

	half := f.Texts.Rate / 2
	var forward, bare sample
	r, err = inTurns(b.duration,
		open(b.limits, b.connections, half, text("/webhook", false)),
		b.whole(ctx, db, open(s.child, b.connections, half, text(hook, false)), &forward),
		b.whole(ctx, db, open(b.limits, b.connections, half, text("/forward", false)), &bare))
	if err != nil {
		return err
	}
	f.EmptyPostsHalf, f.TextsHalf, f.ForwardHalf, f.BareHalf = r[0].result(), r[1].result(), forward.result(), bare.result()
	say(f, "accepted at half", f.TextsHalf, f.EmptyPostsHalf)
	say(f, "forwarded at half", f.ForwardHalf, f.BareHalf)

	const rest = 50
	forward, bare = sample{}, sample{}
	_, err = inTurns(b.duration,
		b.whole(ctx, db, open(s.child, b.connections, rest, text(hook, false)), &forward),
		b.whole(ctx, db, open(b.limits, b.connections, rest, text("/forward", false)), &bare))
	if err != nil {
		return err
	}
	f.ForwardRest, f.BareRest = forward.result(), bare.result()
	say(f, "forwarded at rest", f.ForwardRest, f.BareRest)
	return nil
}

// whole is a load of texts that sees, at its end, that the carrier has each of them once
// and that BirdCar has marked them all. It adds to forwarded, unless that is
// nil, how long they took from the webhook to the carrier.
func (b *bench) whole(ctx context.Context, db *store.Store, run load, forwarded *sample) load {
	return func(duration time.Duration) (sample, error) {
		before, first := b.carrier.texts.Load(), texts.Load()+1
		accepted, err := run(duration)
		if err != nil {
			return accepted, err
		}
		last := texts.Load()
		if err := b.settled(ctx, db, before+last-first+1); err != nil || forwarded == nil {
			return accepted, err
		}
		for n := first + (last-first)/6; n <= last; n++ { // the warm-up does not count
			forwarded.latencies = append(forwarded.latencies, time.Duration(b.carrier.arrived[n].Load()-b.sent[n].Load()))
		}
		return accepted, nil
	}
}

// settled waits until the carrier has so many texts and BirdCar has marked them all.
func (b *bench) settled(ctx context.Context, db *store.Store, want int64) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if b.carrier.texts.Load() < want {
			continue
		}
		due, err := db.NextDue(ctx)
		if err != nil {
			return err
		}
		if !due.IsZero() {
			continue
		}
		if got, doubled := b.carrier.texts.Load(), b.carrier.doubled.Load(); got != want || doubled != 0 {
			return fmt.Errorf("the carrier has %d texts, %d of them twice; want %d", got, doubled, want)
		}
		return nil
	}
	return fmt.Errorf("a minute after the load the carrier has %d of %d texts, or not all are marked", b.carrier.texts.Load(), want)
}

func (b *bench) rides(_ context.Context, f *figures, s subject) (err error) {
	f.RidesMany, err = b.create(s)
	say(f, "rides created", f.RidesMany, result{})
	return err
}

func (b *bench) create(s subject) (result, error) {
	cookie, err := login(s.address)
	if err != nil {
		return result{}, err
	}
	r, err := closed(s.child, admins, riding(s.customers, s.drivers, cookie))(b.duration)
	return r.result(), err
}
