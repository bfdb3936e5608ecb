package exchange

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"birdcar/internal/masking"
)

// gathered is rounds whose first is held until the others have come.
type gathered struct {
	rounds[int]
	held   [][]int
	free   chan struct{}
	joined sync.WaitGroup
	mu     sync.Mutex
	errs   map[int]error
}

func gather(do func(members []int)) *gathered {
	g := &gathered{free: make(chan struct{}), errs: map[int]error{}}
	g.do = func(members []int) {
		if g.held = append(g.held, slices.Clone(members)); len(g.held) == 1 {
			<-g.free
		}
		do(members)
	}
	return g
}

// come lets so many more join, and returns once all of them wait.
func (g *gathered) come(first, n int) {
	for i := first; i < first+n; i++ {
		g.joined.Go(func() {
			err := g.join(i)
			g.mu.Lock()
			defer g.mu.Unlock()
			g.errs[i] = err
		})
	}
	synctest.Wait()
}

func (g *gathered) leave() {
	close(g.free)
	g.joined.Wait()
}

func TestRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const more = 2*maxTogether + 5
		done := make([]int, 1+more)
		g := gather(func(members []int) {
			for _, i := range members {
				done[i]++
			}
		})
		g.come(0, 1)
		g.come(1, more)
		if len(g.held) != 1 || len(g.errs) != 0 {
			t.Errorf("%d rounds were held and %d members have left, while the first round is under way", len(g.held), len(g.errs))
		}
		g.leave()
		var sizes []int
		for _, round := range g.held {
			sizes = append(sizes, len(round))
		}
		if want := []int{1, maxTogether, maxTogether, 5}; !slices.Equal(sizes, want) {
			t.Errorf("rounds of %v, want %v", sizes, want)
		}
		for i, n := range done {
			if err := g.errs[i]; n != 1 || err != nil {
				t.Errorf("%d was done %d times, %v", i, n, err)
			}
		}
		if err := g.join(0); err != nil || done[0] != 2 { // somebody runs them again
			t.Errorf("later: %v, done %d times, want 2", err, done[0])
		}
	})
}

// One runs the rounds for all.
func TestRounds_First(t *testing.T) {
	var r rounds[int]
	for i, want := range []bool{true, false, false} {
		if _, first, err := r.add(i); err != nil || first != want {
			t.Errorf("%d is first: %v, %v; want %v", i, first, err, want)
		}
	}
}

func TestRounds_TooMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(func([]int) {})
		g.come(0, 1)
		const most = maxRounds * maxTogether
		g.come(1, most)
		if err := g.join(-1); !errors.Is(err, masking.ErrBusy) {
			t.Errorf("one more than %d: %v, want ErrBusy", most, err)
		}
		g.leave()
		for i, err := range g.errs {
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	})
}

// A panic is the error of those in its round, and of nobody after.
func TestRounds_Panic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(func(members []int) {
			if slices.Contains(members, 2) {
				panic("two")
			}
		})
		g.come(0, 1)
		g.come(1, 3)
		g.leave()
		for i, err := range g.errs {
			if failed := err != nil && strings.Contains(err.Error(), "two"); failed != (i > 0) {
				t.Errorf("%d: %v", i, err)
			}
		}
		if err := g.join(5); err != nil {
			t.Errorf("after it: %v", err)
		}
	})
}
