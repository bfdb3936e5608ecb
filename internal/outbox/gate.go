package outbox

import (
	"errors"
	"sync"
	"time"

	"birdcar/internal/masking"
)

// gate stops sending when the carrier is out of reach or refuses the account, so
// that waiting messages do not hammer it. While shut it lets one message through
// now and then; what becomes of that one opens it or keeps it shut.
type gate struct {
	now func() time.Time

	mu      sync.Mutex
	streak  int // failures in a row that speak of the carrier, not of a message
	status  masking.SendingStatus
	wait    time.Duration
	probing bool
}

const (
	shutAfter   = 5 // failures in a row
	shortestTry = time.Second
	longestTry  = time.Minute
)

// pass reports whether a message may be sent now. probe says that the gate is
// shut and waits for this message's outcome.
func (g *gate) pass() (ok, probe bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.status.Stopped:
		return true, false
	case g.probing || g.now().Before(g.status.NextTry):
		return false, false
	}
	g.probing = true
	return true, true
}

// opened reports that the gate is open.
func (g *gate) opened() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.status.Stopped
}

// dueIn is how long until the gate lets a message through; 0: now.
func (g *gate) dueIn() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.status.Stopped {
		return 0
	}
	return max(0, g.status.NextTry.Sub(g.now()))
}

func (g *gate) snapshot() masking.SendingStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

// learn takes the outcome of a try: nil, or an answer that blames the message
// alone, shows that the carrier works. moved: the gate opened or shut.
func (g *gate) learn(err error) (moved bool) {
	var e *masking.CarrierError
	blamed := errors.As(err, &e) && e.Outcome != masking.Rejected
	g.mu.Lock()
	defer g.mu.Unlock()
	was := g.status.Stopped
	g.probing = false
	if !blamed {
		g.streak, g.wait = 0, 0
		g.status = masking.SendingStatus{}
		return was
	}
	g.streak++
	account := e.Outcome == masking.Refused
	if !account && !was && g.streak < shutAfter && e.RetryAfter == 0 {
		return false
	}
	g.wait = min(max(2*g.wait, shortestTry), longestTry)
	if !was || account != g.status.Account {
		g.status.Since = g.now()
	}
	g.status.Stopped, g.status.Account, g.status.Reason = true, account, e.Reason
	g.status.NextTry = g.now().Add(max(g.wait, e.RetryAfter))
	return !was
}

// passed gives back a probe that was not used.
func (g *gate) giveBack() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
}
