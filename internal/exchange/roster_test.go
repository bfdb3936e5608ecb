package exchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// noSending leaves every message in the database.
type noSending struct{}

func (noSending) Ready() bool             { return false }
func (noSending) Hand(...masking.Message) {}

func newRosterExchange(t testing.TB, s *store.Store, now func() time.Time) *Exchange {
	t.Helper()
	x, err := New(Config{Store: s, Outbox: noSending{}, Zone: time.UTC, Country: "GB", RideLimit: time.Hour, Linger: time.Hour,
		Lease: time.Minute, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// people is "name number" of everybody on a list, by name.
func people(t testing.TB, s *store.Store, role masking.Role) string {
	t.Helper()
	parties, err := s.Parties(context.Background(), role)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range parties {
		all = append(all, p.Name+" "+p.Number.E164())
	}
	return strings.Join(all, ", ")
}

func TestRoster(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		x := newRosterExchange(t, s, clock.Now)
		add := func(name, number string) {
			if _, err := x.AddParty(ctx, masking.Customer, name, number); err != nil {
				t.Fatal(err)
			}
		}
		add("Ada", "+44 7700 900101")
		add("Bob", "+44 7700 900102")
		add("Twin One", "+44 7700 900103")
		add("Twin Two", "+44 7700 900103")
		if _, err := x.AddNumber(ctx, "+44 7700 900901"); err != nil {
			t.Fatal(err)
		}
		before := people(t, s, masking.Customer)
		file := strings.Join([]string{
			"Name,Number",
			"Ada,07700 900101",              // 2: there already
			"Robert,00447700900102",         // 3: another name
			"Cy,447700900104",               // 4: new
			"Cy again,+44 7700 900104",      // 5: twice in the file
			"Dee,not a number",              // 6
			",07700 900105",                 // 7
			"Proxy,07700 900901",            // 8: one of the pool's
			"Twin Three,07700 900103",       // 9: whose name?
			"Twin Two,07700 900103",         // 10: there already
			"Eve 07700 900106,07700 900106", // 11: a number in the name
			"Ren\xe9e,07700 900107",         // 12: Latin-1
		}, "\n")
		id, err := x.PlanRoster(ctx, masking.Customer, strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if got := people(t, s, masking.Customer); got != before {
			t.Errorf("planning changed the list to %s", got)
		}
		want := map[masking.Verdict][]int{masking.Known: {2, 10}, masking.Change: {3}, masking.Add: {4}, masking.Refuse: {5, 6, 7, 8, 9, 11, 12}}
		for verdict, lines := range want {
			got, err := s.RosterLines(ctx, id, verdict, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			var numbers []int
			for _, l := range got {
				numbers = append(numbers, l.Line)
				if verdict == masking.Refuse && l.Note == "" {
					t.Errorf("line %d is refused without a reason", l.Line)
				}
			}
			if fmt.Sprint(numbers) != fmt.Sprint(lines) {
				t.Errorf("%s: lines %v, want %v", verdict, numbers, lines)
			}
		}
		if _, err := s.Roster(ctx, masking.Driver, id); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("among the drivers: got %v, want ErrNotFound", err)
		}

		// Between the look and the start the list changes.
		add("Cyrus", "+44 7700 900104")
		if err := x.StartRoster(ctx, masking.Customer, id); err != nil {
			t.Fatal(err)
		}
		if err := x.StartRoster(ctx, masking.Customer, id); !errors.Is(err, masking.ErrConflict) {
			t.Errorf("started twice: got %v, want ErrConflict", err)
		}
		if err := x.DiscardRoster(ctx, masking.Customer, id); !errors.Is(err, masking.ErrConflict) {
			t.Errorf("discarded while it runs: got %v, want ErrConflict", err)
		}
		if err := x.WriteRosters(ctx); err != nil {
			t.Fatal(err)
		}
		const list = "Ada +447700900101, Cy +447700900104, Robert +447700900102, Twin One +447700900103, Twin Two +447700900103"
		if got := people(t, s, masking.Customer); got != list {
			t.Errorf("the list is now %s\nwant %s", got, list)
		}
		roster, err := s.Roster(ctx, masking.Customer, id)
		if err != nil || roster.State != masking.RosterDone || roster.Written != 12 || roster.Lines != 12 || roster.Counts[masking.Change] != 2 {
			t.Errorf("the roster is now %+v, %v; want it done to line 12, and Cy's line a change", roster, err)
		}

		clock.Move(RosterKept + time.Minute)
		if err := x.dropOldRosters(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Roster(ctx, masking.Customer, id); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("after its day: got %v, want ErrNotFound", err)
		}
		if lines, err := s.RosterFrom(ctx, id, 0, 1); err != nil || len(lines) > 0 {
			t.Errorf("after its day it still has lines: %v, %v", lines, err)
		}
	})
}

// A file that is forgotten and started at the same moment is one or the other.
func TestRoster_DiscardedBesideItsStart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		ctx := context.Background()
		x := newRosterExchange(t, s, clock.Now)
		started := 0
		for i := range 20 {
			id, err := x.PlanRoster(ctx, masking.Driver, bytes.NewReader(manyPeople(250)))
			if err != nil {
				t.Fatal(err)
			}
			var start, discard error
			var both sync.WaitGroup
			both.Go(func() { start = x.StartRoster(ctx, masking.Driver, id) })
			both.Go(func() { discard = x.DiscardRoster(ctx, masking.Driver, id) })
			both.Wait()
			if (start == nil) == (discard == nil) {
				t.Fatalf("%d: started: %v, discarded: %v; want one of them", i, start, discard)
			}
			if start == nil {
				started++
			}
			if err := x.WriteRosters(ctx); err != nil {
				t.Fatal(err)
			}
			if drivers, err := s.Parties(ctx, masking.Driver); err != nil || (len(drivers) > 0) != (started > 0) {
				t.Fatalf("%d: %d drivers, %v; %d files were started", i, len(drivers), err, started)
			}
		}
		t.Logf("%d of 20 were started", started)
	})
}

// A stop in the middle loses no line and writes none twice.
func TestRoster_StoppedHalfWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, clock *storetest.Clock) {
		const lines = 2*rosterBatch + 200
		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		x := newRosterExchange(t, s, clock.Now)
		id, err := x.PlanRoster(ctx, masking.Driver, bytes.NewReader(manyPeople(lines)))
		if err != nil {
			t.Fatal(err)
		}
		if err := x.StartRoster(ctx, masking.Driver, id); err != nil {
			t.Fatal(err)
		}
		x.Publish = func(masking.Event) { stop() } // after the first batch
		if err := x.WriteRosters(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
		ctx = context.Background()
		roster, err := s.Roster(ctx, masking.Driver, id)
		if err != nil || roster.State != masking.RosterRunning || roster.Written != rosterBatch {
			t.Fatalf("half-way it is %+v, %v; want %d lines written", roster, err, rosterBatch)
		}
		again := newRosterExchange(t, s, clock.Now)
		if err := again.WriteRosters(ctx); err != nil {
			t.Fatal(err)
		}
		drivers, err := s.Parties(ctx, masking.Driver)
		if err != nil || len(drivers) != lines {
			t.Errorf("%d drivers, %v; want %d", len(drivers), err, lines)
		}
	})
}

// manyPeople is a file of as many people, from numbers that are nobody's.
func manyPeople(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&b, "Person %c%c%c,+4477009%05d\n", 'A'+i%26, 'A'+i/26%26, 'A'+i/676%26, i)
	}
	return b.Bytes()
}

func BenchmarkRoster(b *testing.B) {
	s := storetest.Open(b, b.TempDir()+"/birdcar.db", time.Now)
	x := newRosterExchange(b, s, time.Now)
	ctx := context.Background()
	const lines = 100_000
	for b.Loop() {
		start := time.Now()
		id, err := x.PlanRoster(ctx, masking.Customer, bytes.NewReader(manyPeople(lines)))
		if err != nil {
			b.Fatal(err)
		}
		planned := time.Since(start)
		if err := x.StartRoster(ctx, masking.Customer, id); err != nil {
			b.Fatal(err)
		}
		if err := x.WriteRosters(ctx); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(planned.Seconds(), "s-to-plan")
		b.ReportMetric((time.Since(start) - planned).Seconds(), "s-to-write")
	}
}
