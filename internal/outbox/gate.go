package outbox

import (
	"errors"
	"sync"
	"time"

	"birdcar/internal/masking"
)

// gate stops sending when the carrier is out of reach or refuses the account, so
// that waiting messages do not hammer it. While shut it lets one message through
// now and then; what becomes of that one opens it or keeps it shut. It goes by the
// process's own clock, which nobody sets.
type gate struct {
	mu      sync.Mutex
	failing map[masking.Number]bool // to whom sending failed since it last worked
	unheard int                     // tries since then that found no carrier
	status  masking.SendingStatus
	wait    time.Duration
	probing bool
	since   time.Time // when it opened
}

const (
	shutAfter   = 5 // people whom nothing reaches, because it may be a few's own fault; or tries in a row that find no carrier
	shortestTry = time.Second
	longestTry  = time.Minute
	longestRest = 5 * time.Minute // that the carrier's answer to one message asks of all
)

func newGate() *gate { return &gate{failing: map[masking.Number]bool{}, since: time.Now()} }

// pass reports whether a message may be sent now. probe says that the gate is
// shut and waits for this message's outcome: learn or giveBack must follow.
func (g *gate) pass() (ok, probe bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.status.Stopped:
		return true, false
	case g.probing || time.Now().Before(g.status.NextTry):
		return false, false
	}
	g.probing = true
	return true, true
}

// giveBack gives back a probe that was not used.
func (g *gate) giveBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
}

// open reports whether everything may pass, and for how long already.
func (g *gate) open() (yes bool, since time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.status.Stopped, time.Since(g.since)
}

// nextTry is how long until a shut gate lets a message through; 0: now.
func (g *gate) nextTry() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.status.NextTry))
}

func (g *gate) snapshot() masking.SendingStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

// learn takes the outcome of a try to reach somebody: nil, or an answer that
// blames the message alone, shows that the carrier works. moved: the gate opened
// or shut.
func (g *gate) learn(to masking.Number, probe bool, err error) (moved bool) {
	var e *masking.CarrierError
	blamed := errors.As(err, &e) && e.Outcome != masking.Rejected
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.status.Stopped
	if probe {
		g.probing = false
	}
	if !blamed {
		clear(g.failing)
		g.unheard, g.wait = 0, 0
		g.status = masking.SendingStatus{}
		if was {
			g.since = time.Now()
		}
		return was
	}
	if e.NoConnection {
		g.unheard++
	} else if len(g.failing) < shutAfter {
		g.failing[to] = true
	}
	account := e.Outcome == masking.Refused
	if !account && !was && max(len(g.failing), g.unheard) < shutAfter && e.RetryAfter == 0 {
		return false
	}
	now := time.Now()
	moved = !was || account != g.status.Account
	if moved {
		g.status.Since = now
	}
	if probe || !was { // the others were on their way already
		g.wait = min(max(2*g.wait, shortestTry), longestTry)
	}
	g.status.Stopped, g.status.Account, g.status.Reason = true, account, e.Reason
	g.status.NextTry = now.Add(max(g.wait, min(e.RetryAfter, longestRest)))
	return moved
}
