package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/store/storetest"
)

// fleet is several instances on one PostgreSQL.
type fleet struct {
	t        *testing.T
	database string
	env      map[string]string
	programs []*process
	bases    []atomic.Value // of the programs
}

func newFleet(t *testing.T, database string, size int, messageBird *hostile) *fleet {
	f := &fleet{t: t, database: database, programs: make([]*process, size), bases: make([]atomic.Value, size),
		env: map[string]string{"MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": messageBird.URL,
			"WEBHOOK_TOKEN": tortureToken, "ADMIN_PASSWORD": "correct horse"}}
	for i := range size {
		f.bases[i].Store("")
	}
	messageBird.aim(f.anyBase) // before anybody could report
	for i := range size {
		f.launch(i)
	}
	return f
}

func (f *fleet) launch(i int) {
	f.programs[i] = launch(f.t, f.database, f.env)
	f.bases[i].Store(f.programs[i].base)
}

// anyBase is where one of the instances is, as a load balancer says.
func (f *fleet) anyBase() string { return f.bases[rand.IntN(len(f.bases))].Load().(string) }

// terminate ends all instances in an orderly way; no report is expected any more.
func (f *fleet) terminate() {
	for i, p := range f.programs {
		f.bases[i].Store("")
		p.terminate()
	}
}

// pulse texts without a pause, each text until it is answered with OK, and
// returns how long no answer was OK at the longest.
func (p *texter) pulse(ctx context.Context, base func() string) (silence time.Duration) {
	last := time.Now()
	for n := 0; ctx.Err() == nil; n++ {
		text := fmt.Sprintf("%s-%d", p.name, n)
		for p.post(base(), text, text) != http.StatusOK {
		}
		p.accepted = append(p.accepted, text)
		silence = max(silence, time.Since(last))
		last = time.Now()
	}
	return silence
}

// The primary of two PostgreSQL servers dies under load, and the standby that every
// commit waited for takes its place. Two BirdCars find it by themselves.
func TestFailover(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	primary, standby := storetest.Pair(t)
	database := storetest.URL(primary, standby)
	people := connectPeople(t, database, 30)
	messageBird := newHostile(t, rand.New(rand.NewPCG(1, 1)), 0)
	messageBird.peaceful.Store(true)
	f := newFleet(t, database, 2, messageBird)

	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	var texting sync.WaitGroup
	silences := make([]time.Duration, 4)
	for i, p := range people {
		texting.Go(func() {
			if i < len(silences) {
				silences[i] = p.pulse(ctx, f.anyBase)
			} else {
				p.text(ctx, messageBird, f.anyBase)
			}
		})
	}
	reach := func(messages int) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); len(messageBird.messages()) < messages; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("MessageBird got %d messages; want %d\n%s", len(messageBird.messages()), messages, f.programs[0].log)
			}
		}
	}
	reach(500)
	primary.Kill(t)
	killed := time.Now()
	standby.Promote(t)
	promoted := time.Since(killed)
	before := len(messageBird.messages())
	reach(before + 500)
	enough()
	texting.Wait()
	waiting := awaitQuiet(t, database, messageBird)
	f.terminate()

	v := judge(people, messageBird.messages())
	silence := time.Duration(0)
	for _, s := range silences {
		silence = max(silence, s)
	}
	t.Logf("accepted: %d texts, reached the carrier: %d, lost: %d, doubled: %d, out of order per person: %d; "+
		"the standby was primary after %v; longest time without an answer: %v",
		v.accepted, v.reached, v.lost, v.doubled, v.disordered, promoted.Round(time.Millisecond), silence.Round(time.Millisecond))
	if v.lost+v.doubled+v.disordered+v.misdirected > 0 || v.notices != v.failed || waiting > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d, at the wrong person %d, notices %d for %d, still waiting %d\n%s",
			v.lost, v.doubled, v.disordered, v.misdirected, v.notices, v.failed, waiting, strings.Join(v.examples, "\n"))
	}
	if limit := 15 * time.Second; silence > limit {
		t.Errorf("nothing was answered for %v; want %v at most", silence, limit)
	}
	for _, p := range f.programs {
		noLeak(t, "the log", p.log.String(), "+4477009", tortureToken)
	}
}

// TestTorture with two instances on one PostgreSQL, either of which is killed.
func TestTorture_TwoInstances(t *testing.T) {
	if testing.Short() {
		t.Skip("takes two minutes")
	}
	database := storetest.Postgres(t)
	hard := howHard()
	people := connectPeople(t, database, hard.rides)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	messageBird := newHostile(t, rand.New(rand.NewPCG(seed, seed)), hard.hangs)
	f := newFleet(t, database, 2, messageBird)

	ctx, enough := context.WithCancel(context.Background())
	defer enough()
	var texting sync.WaitGroup
	for _, p := range people {
		texting.Go(func() { p.text(ctx, messageBird, f.anyBase) })
	}
	moment := func() time.Duration { return hard.every/4 + rand.N(hard.every*3/4) }
	for range hard.kills {
		time.Sleep(moment()) // the moment of the kill is what the test is about
		i := rand.IntN(len(f.programs))
		f.programs[i].kill()
		f.launch(i)
	}
	time.Sleep(moment())
	enough()
	texting.Wait()
	waiting := awaitQuiet(t, database, messageBird)
	f.terminate()

	v := judge(people, messageBird.messages())
	t.Logf("%d kills; accepted: %d texts, reached the carrier: %d (in %d messages), lost: %d, doubled: %d, out of order per person: %d",
		hard.kills, v.accepted, v.reached, v.messages, v.lost, v.doubled, v.disordered)
	if v.accepted == 0 || v.lost+v.doubled+v.disordered+v.misdirected > 0 || v.notices != v.failed || waiting > 0 {
		t.Errorf("lost %d, doubled %d, out of order %d, at the wrong person %d, notices %d for %d, still waiting %d\n%s",
			v.lost, v.doubled, v.disordered, v.misdirected, v.notices, v.failed, waiting, strings.Join(v.examples, "\n"))
	}
}
