package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

type bench struct {
	birdcar, dir, postgres, out string
	sizes                       []int
	duration                    time.Duration
	connections                 int

	self    string // this program
	limits  *child
	carrier *carrier
	sent    []atomic.Int64 // by a text's number: when its webhook was due
	report  report
}

const (
	manyNumbers = 10_000
	fewNumbers  = 100
	admins      = 256 // connections that create rides: with 64 a fifth of the processors stood idle
	senders     = 256 // connections that bring texts when all is asked of BirdCar: each waits for its text to be forwarded
)

// run measures everything. With an error, the report says why it is incomplete and holds what
// was measured until then.
func (b *bench) run(ctx context.Context) (report, error) {
	engines, err := b.engines(ctx)
	if err != nil {
		return b.report, err
	}
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
	for _, e := range engines {
		if err = b.measure(ctx, e); err == nil {
			continue
		}
		if err = fmt.Errorf("%s: %w", e.name, err); ctx.Err() != nil {
			err = errors.New("interrupted") // err is how a load noticed
		}
		b.report.Incomplete = err.Error()
		break
	}
	// Those of a size stand together.
	slices.SortStableFunc(b.report.Figures, func(x, y figures) int { return cmp.Compare(x.Rides, y.Rides) })
	return b.report, err
}

// engines looks, before anything is measured, whether all is there that a run needs at its end.
func (b *bench) engines(ctx context.Context) ([]engine, error) {
	if _, err := os.Stat(b.birdcar); err != nil {
		return nil, fmt.Errorf("-birdcar: %w", err)
	}
	if b.out != "" {
		if err := os.MkdirAll(b.out, 0o755); err != nil {
			return nil, fmt.Errorf("-out: %w", err)
		}
		f, err := os.CreateTemp(b.out, "bench-")
		if err != nil {
			return nil, fmt.Errorf("-out: %w", err)
		}
		if err := cmp.Or(f.Close(), os.Remove(f.Name())); err != nil {
			return nil, fmt.Errorf("-out: %w", err)
		}
	}
	all := []engine{b.sqlite()}
	if b.postgres == "" {
		return all, nil
	}
	if err := psql(ctx, b.postgres, "SELECT 1"); err != nil {
		return nil, fmt.Errorf("-postgres: %w", err)
	}
	return append(all, b.postgresAt(b.postgres)), nil
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

// subject is a running BirdCar with the database behind it, and what was measured of it.
type subject struct {
	*child
	figures
	url                string
	callers            []caller
	customers, drivers []masking.Party
}

func (b *bench) start(ctx context.Context, e engine, size, numbers int) (*subject, error) {
	s := &subject{figures: figures{Engine: e.name, Rides: size}}
	var err error
	if s.url, err = e.copy(ctx, size, numbers); err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, s.url, time.Now)
	if err != nil {
		return nil, err
	}
	rides, err := db.CurrentRides(ctx, 20_000)
	if err == nil {
		s.customers, err = db.Parties(ctx, masking.Customer)
	}
	if err == nil {
		s.drivers, err = db.Parties(ctx, masking.Driver)
	}
	if err != nil {
		return nil, err
	}
	s.callers = callersOf(rides, time.Now().Add(time.Hour))
	if err := db.Close(); err != nil {
		return nil, err
	}
	s.child, err = start(ctx, []string{"DATABASE_URL=" + s.url, "WEBHOOK_TOKEN=" + token, "ADMIN_PASSWORD=" + password,
		"MESSAGEBIRD_API_KEY=benchmark", "MESSAGEBIRD_API_URL=" + b.carrier.url(), "MESSAGEBIRD_NUMBERS_URL=" + b.carrier.url()}, b.birdcar)
	return s, err
}

// measure measures databases of all sizes: calls in turns, because their rates are
// held against each other too, and then the rest, one after the other.
func (b *bench) measure(ctx context.Context, e engine) error {
	var all []*subject
	defer func() {
		for _, s := range all {
			b.report.Figures = append(b.report.Figures, s.figures)
		}
	}()
	for _, size := range b.sizes {
		s, err := b.start(ctx, e, size, manyNumbers)
		if err != nil {
			return err
		}
		defer s.stop() //nolint:errcheck // where it matters it is stopped before
		s.Started = s.started.Seconds() * 1000
		all = append(all, s)
	}
	time.Sleep(2 * time.Second) // at rest is after the start
	for _, s := range all {
		var err error
		if s.MemoryAtRest, _, err = s.memory(); err != nil {
			return err
		}
	}
	if err := b.beside(ctx, func() error { return b.calls(ctx, all) }); err != nil {
		return err
	}
	for _, s := range all {
		if err := b.beside(ctx, func() error { return b.texts(ctx, s) }); err != nil {
			return err
		}
		if err := b.finish(ctx, e, s); err != nil {
			return err
		}
	}
	return nil
}

// beside runs steps with the limits beside them, whose relay, like the carrier, has seen no
// text: the numbers of texts begin anew for each database.
func (b *bench) beside(ctx context.Context, steps func() error) (err error) {
	texts.Store(0)
	clear(b.sent)
	clear(b.carrier.arrived)
	relay := filepath.Join(b.dir, "relay.db")
	dropFile(ctx, relay)
	defer dropFile(ctx, relay)
	if b.limits, err = start(ctx, nil, b.self, "limits", b.carrier.url(), relay); err != nil {
		return err
	}
	defer b.limits.stop() //nolint:errcheck // nothing depends on how it ends
	return steps()
}

// finish measures the rest of s, and stops it.
func (b *bench) finish(ctx context.Context, e engine, s *subject) (err error) {
	if s.RidesMany, err = b.create(s); err != nil {
		return err
	}
	say(s, "rides created", s.RidesMany, result{})
	if _, s.MemoryPeak, err = s.memory(); err != nil {
		return err
	}
	if err := s.stop(); err != nil {
		return err
	}
	if e.name == "SQLite" {
		if s.GroupCommits, err = groupCommits(s.url, b.connections, b.duration/2); err != nil {
			return err
		}
	}
	e.drop(ctx, s.url)

	few, err := b.start(ctx, e, s.Rides, fewNumbers)
	if err != nil {
		return err
	}
	defer few.stop() //nolint:errcheck // as above
	if s.RidesFew, err = b.create(few); err != nil {
		return err
	}
	if err := few.stop(); err != nil {
		return err
	}
	e.drop(ctx, few.url)
	return nil
}

// say tells how far the run is.
func say(s *subject, what string, r, limit result) {
	beside := ""
	if limit != (result{}) {
		beside = fmt.Sprintf(" (limit %s)", limit)
	}
	fmt.Fprintf(os.Stderr, "%-10s %8d rides  %-22s %s%s\n", s.Engine, s.Rides, what, r, beside)
}

func (b *bench) calls(ctx context.Context, all []*subject) error {
	empty := calling(all[0].callers, false)
	loads := []load{closed(b.limits, b.connections, empty)}
	for _, s := range all {
		loads = append(loads, closed(s.child, b.connections, calling(s.callers, true)))
	}
	r, err := inTurns(b.duration, loads...)
	if err != nil {
		return err
	}
	for i, s := range all {
		s.Empty, s.Calls = r[0].result(), r[1+i].result()
		say(s, "call flows", s.Calls, s.Empty)
	}
	for _, s := range all {
		live := calling(s.callers, true)
		learn, rate := half(closed(s.child, b.connections, live))
		if r, err = inTurns(b.duration, learn, open(ctx, b.limits, b.connections, rate, empty), open(ctx, s.child, b.connections, rate, live)); err != nil {
			return err
		}
		s.EmptyHalf, s.CallsHalf = r[1].result(), r[2].result()
		say(s, "at half of that", s.CallsHalf, s.EmptyHalf)
	}
	return nil
}

func (b *bench) texts(ctx context.Context, s *subject) error {
	db, err := store.Open(ctx, s.url, time.Now)
	if err != nil {
		return err
	}
	defer db.Close()
	text := func(path string, wait bool) work { return texting(ctx, s.callers, path, b.carrier, wait, b.sent) }
	const hook = "/webhook?token=" + token

	r, err := inTurns(b.duration,
		closed(b.limits, b.connections, text("/webhook", false)),
		b.whole(ctx, db, closed(s.child, senders, text(hook, true)), nil),
		b.whole(ctx, db, closed(b.limits, senders, text("/relay", true)), nil))
	if err != nil {
		return err
	}
	s.EmptyPosts, s.Texts, s.BareRelay = r[0].result(), r[1].result(), r[2].result()
	say(s, "texts relayed", s.Texts, s.EmptyPosts)
	say(s, "by a bare relay", s.BareRelay, s.EmptyPosts)

	learn, rate := half(b.whole(ctx, db, closed(s.child, senders, text(hook, true)), nil))
	var forward, bare sample
	r, err = inTurns(b.duration, learn,
		open(ctx, b.limits, b.connections, rate, text("/webhook", false)),
		b.whole(ctx, db, open(ctx, s.child, b.connections, rate, text(hook, false)), &forward),
		b.whole(ctx, db, open(ctx, b.limits, b.connections, rate, text("/forward", false)), &bare))
	if err != nil {
		return err
	}
	s.EmptyPostsHalf, s.TextsHalf, s.ForwardHalf, s.BareHalf = r[1].result(), r[2].result(), forward.result(), bare.result()
	say(s, "accepted at half", s.TextsHalf, s.EmptyPostsHalf)
	say(s, "forwarded at half", s.ForwardHalf, s.BareHalf)

	rest := fixed(50)
	forward, bare = sample{}, sample{}
	_, err = inTurns(b.duration,
		b.whole(ctx, db, open(ctx, s.child, b.connections, rest, text(hook, false)), &forward),
		b.whole(ctx, db, open(ctx, b.limits, b.connections, rest, text("/forward", false)), &bare))
	if err != nil {
		return err
	}
	s.ForwardRest, s.BareRest = forward.result(), bare.result()
	say(s, "forwarded at rest", s.ForwardRest, s.BareRest)
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
		if err := ctx.Err(); err != nil {
			return err
		}
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

func (b *bench) create(s *subject) (result, error) {
	cookie, err := login(s.address)
	if err != nil {
		return result{}, err
	}
	r, err := closed(s.child, admins, riding(s.customers, s.drivers, cookie))(b.duration)
	return r.result(), err
}
