package exchange_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// TestRouting tries to break the first promise: random operations on a real store
// and on the model, and after each of them everybody dials every number. On PostgreSQL
// two instances take turns. TORTURE=1 makes it a million operations and more.
func TestRouting(t *testing.T) {
	onSQLite, onPostgres, folder := int64(3_000), int64(300), inMemory(t)
	atLeast(t, "rapid.steps", "100")
	if os.Getenv("TORTURE") != "" {
		onSQLite, onPostgres = 1_000_000, 20_000
		atLeast(t, "rapid.steps", "400")
	}
	t.Run("sqlite", func(t *testing.T) {
		var files atomic.Int64
		routing{operations: onSQLite, atOnce: 2}.run(t, func(t *rapid.T, clock *storetest.Clock) []*store.Store {
			path := filepath.Join(folder, fmt.Sprintf("%d.db", files.Add(1)))
			t.Cleanup(func() {
				for _, suffix := range []string{"", "-wal", "-shm"} {
					_ = os.Remove(path + suffix)
				}
			})
			return []*store.Store{openUntilEnd(t, path, clock)}
		})
	})
	t.Run("postgres", func(t *testing.T) {
		routing{operations: onPostgres, atOnce: 1}.run(t, func(rt *rapid.T, clock *storetest.Clock) []*store.Store {
			url := storetest.Postgres(t)
			return []*store.Store{openUntilEnd(rt, url, clock), openUntilEnd(rt, url, clock)}
		})
	})
}

// routing is how often to try, on how many databases at once.
type routing struct {
	operations int64
	atOnce     int
}

func (r routing) run(t *testing.T, open func(*rapid.T, *storetest.Clock) []*store.Store) {
	var operations, calls atomic.Int64
	t.Run("model", func(t *testing.T) {
		for i := range r.atOnce {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				for operations.Load() < r.operations {
					rapid.Check(t, func(t *rapid.T) {
						if operations.Load() >= r.operations {
							return
						}
						clock := storetest.NewClock()
						m := newMachine(t, clock, open(t, clock))
						m.operations, m.calls = &operations, &calls
						t.Repeat(m.actions())
						m.finish(t)
					})
				}
			})
		}
	})
	if !t.Failed() {
		t.Logf("misroutes: 0 in %d operations; after each everybody dialled every number, %d calls", operations.Load(), calls.Load())
	}
}

// atLeast sets a flag of rapid's that the command line does not set.
func atLeast(t *testing.T, name, value string) {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == name })
	if given {
		return
	}
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}
