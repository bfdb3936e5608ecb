package outbox_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/outbox"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestWorker_Order(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		slow, broken, quick := w.rides[0].Driver.Number, w.rides[1].Driver.Number, w.rides[2].Driver.Number
		w.carrier.set(func(m masking.Message, try int) reply {
			switch {
			case m.To == slow:
				return reply{taken: true, after: 10 * time.Second}
			case m.To == broken && try < 4:
				return failing(masking.NotTaken, 0)
			}
			return ok
		})
		want := map[masking.Number][]string{}
		for range 20 {
			for ride, to := range []masking.Number{slow, broken, quick} {
				want[to] = append(want[to], w.text(ride))
			}
		}
		began := time.Now()
		synctest.Wait()
		if got := w.carrier.bodies(quick); !slices.Equal(got, want[quick]) || time.Since(began) > 0 {
			t := w.t
			t.Errorf("while others are slow or fail, %v reached the third after %v", got, time.Since(began))
		}
		w.settled()
		for to, bodies := range want {
			if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
				w.t.Errorf("to %v: got %v, want %v", to, got, bodies)
			}
		}
	})
}

func TestWorker_LongText(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.carrier.set(func(m masking.Message, try int) reply {
			if try == 1 { // the first part comes late, the others must wait for it
				return failing(masking.NotTaken, 0)
			}
			return ok
		})
		long := strings.TrimSpace(strings.Repeat("All work and no play makes Jack a dull boy. ", 100))
		w.textOf(0, long)
		w.textOf(0, "short")
		w.settled()
		got := w.carrier.bodies(w.rides[0].Driver.Number)
		if len(got) != 5 || strings.Join(got[:4], "") != long || got[4] != "short" {
			w.t.Errorf("got %d messages, joined %q", len(got), strings.Join(got, ""))
		}
		for _, part := range got[:3] {
			if !strings.HasSuffix(part, " ") || len(part) > masking.MaxSeptets {
				w.t.Errorf("a part of %d characters ends in %q", len(part), part[len(part)-5:])
			}
		}
	})
}

// What each kind of failure does to a message, to its sender, and to sending.
func TestWorker_Failures(t *testing.T) {
	const always = 1 << 30
	for name, test := range map[string]struct {
		reply     reply
		times     int // so often, then the carrier takes it
		wantState masking.MessageState
		wantTries int
		within    time.Duration // of the last try; 0: at once
	}{
		"out of reach":                 {failing(masking.NotTaken, 0), 5, masking.Sent, 6, time.Minute},
		"no answer, not taken":         {failing(masking.Unknown, 0), 3, masking.Sent, 4, time.Minute},
		"an error of no known kind":    {reply{err: errUnexpected}, 3, masking.Sent, 4, time.Minute},
		"no answer, taken":             {reply{taken: true, err: failing(masking.Unknown, 0).err}, 1, masking.Sent, 1, 0},
		"a timeout, taken":             {reply{taken: true, after: time.Minute}, 1, masking.Sent, 1, 0},
		"slower, please":               {reply{err: &masking.CarrierError{Outcome: masking.NotTaken, RetryAfter: 90 * time.Second}}, 1, masking.Sent, 2, 92 * time.Second},
		"missing parameters (9)":       {failing(masking.Rejected, 9), always, masking.Failed, 1, 0},
		"invalid parameters (10)":      {failing(masking.Rejected, 10), always, masking.Failed, 1, 0},
		"out of reach for ever":        {failing(masking.NotTaken, 0), always, masking.Failed, 0, giveUp + 15*time.Minute},
		"no answer for ever":           {failing(masking.Unknown, 0), always, masking.Failed, 0, giveUp + 15*time.Minute},
		"no answer, and the list lags": {reply{taken: true, err: failing(masking.Unknown, 0).err}, 1, masking.Sent, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, func(w *world) {
				t := w.t
				w.carrier.lag = settle - time.Second
				notices := w.rides[0].Customer.Number
				w.carrier.set(func(m masking.Message, try int) reply {
					if try <= test.times && m.To != notices {
						return test.reply
					}
					return ok
				})
				began := time.Now()
				w.text(0)
				w.settled()
				tries := w.carrier.tried()
				var relayed []moment
				for _, try := range tries {
					if try.m.Kind == masking.Relaying {
						relayed = append(relayed, try)
					}
				}
				if m := w.message(0); m.State != test.wantState || (m.State == masking.Failed) != (m.Reason != "") {
					t.Errorf("the message is %s because %q, want %s", m.State, m.Reason, test.wantState)
				}
				if test.wantTries > 0 && len(relayed) != test.wantTries {
					t.Errorf("%d tries, want %d", len(relayed), test.wantTries)
				}
				if last := relayed[len(relayed)-1].at.Sub(began); last > test.within {
					t.Errorf("the last try came after %v, want %v at most", last, test.within)
				}
				told := w.carrier.bodies(notices)
				if want := test.wantState == masking.Failed; (len(told) == 1 && told[0] == masking.TextFailed) != want || len(told) > 1 {
					t.Errorf("the sender was told %q", told)
				}
				w.carrier.once(t)
			})
		})
	}
}

// The pauses between tries grow, and no two messages share them.
func TestWorker_BackOff(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.carrier.set(func(_ masking.Message, try int) reply {
			if try <= 7 {
				return failing(masking.NotTaken, 0)
			}
			return ok
		})
		w.text(0)
		w.text(1)
		w.settled()
		pauses := map[masking.Number][]time.Duration{}
		last := map[masking.Number]time.Time{}
		for _, try := range w.carrier.tried() {
			if at, again := last[try.m.To]; again {
				pauses[try.m.To] = append(pauses[try.m.To], try.at.Sub(at))
			}
			last[try.m.To] = try.at
		}
		for to, pauses := range pauses {
			for i, pause := range pauses {
				want := time.Second << i
				if pause < want*7/10 || pause > want*13/10+time.Second {
					w.t.Errorf("to %v: pause %d is %v, want some %v", to, i+1, pause, want)
				}
			}
		}
		if a, b := pauses[w.rides[0].Driver.Number], pauses[w.rides[1].Driver.Number]; slices.Equal(a, b) {
			w.t.Errorf("both were tried at the same times: %v", a)
		}
	})
}

// An account that is refused fails nothing: everything waits, the admin reads why,
// and goes out in its order once it clears.
func TestWorker_AccountRefused(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return failing(masking.Refused, 25) })
		want := map[masking.Number][]string{}
		for range 10 {
			for i, ride := range w.rides {
				want[ride.Driver.Number] = append(want[ride.Driver.Number], w.text(i))
			}
		}
		time.Sleep(2 * giveUp)
		status := w.worker.Status()
		if !status.Stopped || !status.Account || status.Reason != "as the test says" {
			w.t.Errorf("the status is %+v", status)
		}
		if b, err := w.store.Backlog(context.Background()); err != nil || b.Failed != 0 || b.Waiting != 30 {
			w.t.Errorf("the backlog is %+v, %v; want 30 waiting and none failed", b, err)
		}
		if tries := len(w.carrier.tried()); tries > 4*60+20 {
			w.t.Errorf("%d tries in four hours, want one a minute", tries)
		}
		w.carrier.set(nil)
		w.settled()
		if w.worker.Status().Stopped {
			w.t.Error("sending is still stopped")
		}
		for to, bodies := range want {
			if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
				w.t.Errorf("to %v: got %v, want %v", to, got, bodies)
			}
		}
	})
}

// The balance is too low for one dear destination, and enough for the others.
func TestWorker_AccountRefusedForOne(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		dear := w.rides[0].Driver.Number
		w.carrier.set(func(m masking.Message, _ int) reply {
			if m.To == dear {
				return failing(masking.Refused, 25)
			}
			return ok
		})
		w.text(0)
		time.Sleep(5 * time.Second)
		w.text(1)
		w.text(2)
		time.Sleep(time.Hour)
		for i, want := range []masking.MessageState{masking.Queued, masking.Sent, masking.Sent} {
			if m := w.message(i); m.State != want {
				w.t.Errorf("ride %d's text is %s after an hour, want %s", i, m.State, want)
			}
		}
	})
}

// A carrier that is down is asked now and then, not by each of a thousand waiting
// texts; once it is back they leave in order, a few at first.
func TestWorker_CarrierDown(t *testing.T) {
	const people, each = 50, 20
	inWorld(t, people, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return failing(masking.NotTaken, 0) })
		want := map[masking.Number][]string{}
		for range each {
			for i, ride := range w.rides {
				want[ride.Driver.Number] = append(want[ride.Driver.Number], w.text(i))
			}
		}
		time.Sleep(10 * time.Minute)
		if status := w.worker.Status(); !status.Stopped || status.Account {
			w.t.Errorf("the status is %+v, want stopped for the carrier's sake", status)
		}
		if tries := len(w.carrier.tried()); tries > 50 {
			w.t.Errorf("a carrier that is down was tried %d times in ten minutes", tries)
		}
		w.carrier.set(nil)
		w.settled()
		for to, bodies := range want {
			if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
				w.t.Errorf("to %v: got %v, want %v", to, got, bodies)
			}
		}
		taken := w.carrier.took()
		first := slices.DeleteFunc(slices.Clone(taken), func(m moment) bool { return m.at.Sub(taken[0].at) >= time.Second })
		if len(first) > 16*20 {
			w.t.Errorf("%d of %d messages left in the first second", len(first), len(taken))
		}
		if took := taken[len(taken)-1].at.Sub(taken[0].at); took > 5*time.Second {
			w.t.Errorf("it took %v until all had left", took)
		}
	})
}

// A person whom nothing reaches must not close the gate for all.
func TestWorker_OneUnreachable(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.carrier.set(func(m masking.Message, _ int) reply {
			if m.To == w.rides[0].Driver.Number {
				return failing(masking.NotTaken, 0)
			}
			return ok
		})
		w.text(0)
		time.Sleep(time.Hour)
		if w.worker.Status().Stopped {
			w.t.Error("sending stopped for all")
		}
		w.text(1)
		synctest.Wait()
		if got := w.carrier.bodies(w.rides[1].Driver.Number); len(got) != 1 {
			w.t.Errorf("the other person got %v", got)
		}
		w.carrier.set(nil)
		w.settled()
	})
}

// When nobody finds the carrier no person is to blame, however few wait: the admin reads it soon.
func TestWorker_CarrierNotFound(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply {
			return reply{err: &masking.CarrierError{Outcome: masking.NotTaken, NoConnection: true, Reason: "as the test says"}}
		})
		w.text(0)
		time.Sleep(2 * time.Minute)
		if s := w.worker.Status(); !s.Stopped || s.Account || s.Reason != "as the test says" {
			w.t.Errorf("the status is %+v", s)
		}
		w.carrier.set(nil)
		w.settled()
	})
}

// All who were on their way when the carrier went away for a moment are one failure, not sixteen.
func TestWorker_CarrierAwayForAMoment(t *testing.T) {
	inWorld(t, 20, func(w *world) {
		began := time.Now()
		w.carrier.set(func(masking.Message, int) reply {
			if time.Since(began) < 500*time.Millisecond {
				return reply{after: 500 * time.Millisecond, err: failing(masking.NotTaken, 0).err}
			}
			return ok
		})
		for i := range w.rides {
			w.text(i)
		}
		w.settled()
		for _, taken := range w.carrier.took() {
			if late := taken.at.Sub(began); late > 10*time.Second {
				w.t.Errorf("a text left after %v", late)
			}
		}
	})
}

// The carrier wants an hour for somebody: the others need not wait so long.
func TestWorker_LongRetryAfter(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.carrier.set(func(m masking.Message, _ int) reply {
			if m.To == w.rides[0].Driver.Number {
				return reply{err: &masking.CarrierError{Outcome: masking.NotTaken, RetryAfter: time.Hour, Reason: "as the test says"}}
			}
			return ok
		})
		w.text(0)
		time.Sleep(time.Second)
		w.text(1)
		time.Sleep(10 * time.Minute)
		for i, want := range []masking.MessageState{masking.Queued, masking.Sent} {
			if m := w.message(i); m.State != want {
				w.t.Errorf("ride %d's text is %s after ten minutes, want %s", i, m.State, want)
			}
		}
		if tries := len(w.carrier.tried()); tries != 2 {
			w.t.Errorf("%d tries, want one for each", tries)
		}
	})
}

// While it is not known whether a message was sent, it is not sent; and a no
// counts only once the list has had its time.
func TestWorker_AsksFirst(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.carrier.lag = settle - time.Millisecond
		w.carrier.set(func(_ masking.Message, try int) reply {
			return reply{taken: try > 1, err: map[bool]error{true: failing(masking.Unknown, 0).err}[try == 1]}
		})
		broken := true
		w.carrier.find = func(masking.Message) error {
			if broken {
				return failing(masking.Unknown, 0).err
			}
			return nil
		}
		began := time.Now()
		w.text(0)
		time.Sleep(time.Hour)
		if tries := len(w.carrier.tried()); tries != 1 {
			w.t.Errorf("%d tries while the carrier did not say whether it has the message", tries)
		}
		if first := w.carrier.asked[0].Sub(began); first < settle {
			w.t.Errorf("asked after %v, want %v at least", first, settle)
		}
		broken = false
		w.settled()
		if got := w.carrier.bodies(w.rides[0].Driver.Number); len(got) != 1 {
			w.t.Errorf("%v reached the carrier, want the text once", got)
		}
		if c := w.worker.Counts(); c.Adopted != 0 || c.Failed != 0 || c.Retried == 0 {
			w.t.Errorf("counted %+v", c)
		}
	})
}

// Whoever held the messages is gone, as after kill -9, in the middle of it all.
func TestWorker_Crash(t *testing.T) {
	inWorld(t, 4, func(w *world) {
		w.carrier.lag = settle - time.Second
		hang := map[masking.Number]bool{w.rides[0].Driver.Number: true, w.rides[1].Driver.Number: true}
		w.carrier.set(func(m masking.Message, _ int) reply {
			return reply{taken: m.To != w.rides[1].Driver.Number, after: map[bool]time.Duration{true: 15 * time.Second}[hang[m.To]]}
		})
		want := map[masking.Number][]string{}
		for range 5 {
			for i, ride := range w.rides {
				want[ride.Driver.Number] = append(want[ride.Driver.Number], w.text(i))
			}
		}
		synctest.Wait()
		w.crash()
		w.carrier.set(nil)
		w.start()
		w.settled()
		for to, bodies := range want {
			if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
				w.t.Errorf("to %v: got %v, want %v", to, got, bodies)
			}
		}
		w.carrier.once(w.t)
		if c := w.worker.Counts(); c.Adopted != 1 {
			w.t.Errorf("%d messages were found at the carrier, want the one that it had taken", c.Adopted)
		}
	})
}

// A program that crashes again and again, each time before the carrier's no can be
// believed, must not make its messages wait longer each time.
func TestWorker_CrashLoop(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return failing(masking.Unknown, 0) })
		w.text(0)
		for range 30 {
			time.Sleep(settle - time.Second)
			w.crash()
			w.start()
		}
		failed := false
		w.carrier.find = func(masking.Message) error {
			if failed {
				return nil
			}
			failed = true
			return failing(masking.Unknown, 0).err
		}
		w.carrier.set(nil)
		began := time.Now()
		w.settled()
		if took := time.Since(began); took > time.Minute {
			w.t.Errorf("after the last start it took %v", took)
		}
		w.carrier.once(w.t)
	})
}

// The end of Run finishes what is in hand and gives the rest back.
func TestWorker_Stop(t *testing.T) {
	inWorld(t, 40, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return reply{taken: true, after: 3 * time.Second} })
		want := map[masking.Number][]string{}
		for range 3 {
			for i, ride := range w.rides {
				want[ride.Driver.Number] = append(want[ride.Driver.Number], w.text(i))
			}
		}
		synctest.Wait()
		began := time.Now()
		w.stop()
		if took := time.Since(began); took > 4*time.Second {
			w.t.Errorf("the end took %v, want as long as the sends in hand", took)
		}
		if got := len(w.carrier.took()); got != 16 {
			w.t.Errorf("%d messages had left, want the 16 in hand", got)
		}
		w.start()
		w.settled()
		for to, bodies := range want {
			if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
				w.t.Errorf("to %v: got %v, want %v", to, got, bodies)
			}
		}
		w.carrier.once(w.t)
		if asked := len(w.carrier.asked); asked != 0 {
			w.t.Errorf("the carrier was asked about %d messages, although none was uncertain", asked)
		}
	})
}

// The machine's clock jumps while messages are on their way and wait.
func TestWorker_ClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var shift atomic.Int64
				w := newWorld(t, 4, func() time.Time { return time.Now().Add(time.Duration(shift.Load())).Round(0) })
				w.carrier.lag = settle - time.Second
				w.carrier.find = func(m masking.Message) error {
					for _, try := range w.carrier.tries {
						if ago := w.now().Sub(m.Uncertain); try.m.ID == m.ID && ago < time.Since(try.at) {
							t.Errorf("asked about a try of %v ago as one of %v ago", time.Since(try.at), ago)
						}
					}
					return nil
				}
				w.carrier.set(func(m masking.Message, try int) reply {
					switch m.To {
					case w.rides[0].Driver.Number: // on its way during the jump
						return reply{taken: true, late: true, after: 12 * time.Second}
					case w.rides[1].Driver.Number: // not known whether it was sent, just before the jump
						return reply{taken: true, err: map[bool]error{true: failing(masking.Unknown, 0).err}[try == 1]}
					case w.rides[2].Driver.Number: // waits for its next try
						if try < 4 {
							return failing(masking.NotTaken, 0)
						}
					}
					return ok
				})
				want := map[masking.Number][]string{}
				for range 3 {
					for i, ride := range w.rides {
						want[ride.Driver.Number] = append(want[ride.Driver.Number], w.text(i))
					}
				}
				time.Sleep(500 * time.Millisecond)
				shift.Store(int64(jump))
				began := time.Now()
				w.settled()
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("it took %v until all had left", took)
				}
				for to, bodies := range want {
					if got := w.carrier.bodies(to); !slices.Equal(got, bodies) {
						t.Errorf("to %v: got %v, want %v", to, got, bodies)
					}
				}
				w.carrier.once(t)
			})
		})
	}
}

// A clock that was ahead when a text came is right again before the text could leave.
func TestWorker_ClockWasAhead(t *testing.T) {
	tests := []struct {
		name    string
		failing reply
		stopped bool // while the clock is set back
	}{
		{"and the account is refused", failing(masking.Refused, 25), false},
		{"and set back while nothing runs", failing(masking.NotTaken, 0), true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var shift atomic.Int64
				w := newWorld(t, 1, func() time.Time { return time.Now().Add(time.Duration(shift.Load())).Round(0) })
				shift.Store(int64(30 * 24 * time.Hour))
				time.Sleep(2 * time.Second)
				w.carrier.set(func(masking.Message, int) reply { return test.failing })
				w.text(0)
				time.Sleep(5 * time.Second)
				if test.stopped {
					w.stop()
				}
				shift.Store(0)
				if test.stopped {
					w.start()
				}
				time.Sleep(time.Minute)
				w.carrier.set(nil)
				time.Sleep(time.Hour)
				if m := w.message(0); m.State != masking.Sent {
					t.Errorf("an hour later the text is %s, due %v, now %v", m.State, m.Due, w.now())
				}
			})
		})
	}
}

// The moment in which a text becomes too old to be sent lies between two looks at the clock.
func TestWorker_TooOldMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var shift, looks atomic.Int64
		w := newWorld(t, 1, func() time.Time {
			if looks.Load() > 0 && looks.Add(-1) == 0 {
				shift.Store(int64(giveUp))
			}
			return time.Now().Add(time.Duration(shift.Load())).Round(0)
		})
		w.carrier.find = func(masking.Message) error { looks.Store(2); return nil }
		w.carrier.set(func(_ masking.Message, try int) reply {
			if try == 1 {
				return failing(masking.Unknown, 0)
			}
			return ok
		})
		w.text(0)
		time.Sleep(10 * time.Second)
		w.carrier.find = nil
		w.settled()
	})
}

// A text that was being sent when the program was killed is too old when it is started again.
func TestWorker_TooOldAfterACrash(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return reply{after: time.Hour} }) // it never took it
		w.text(0)
		time.Sleep(time.Second)
		w.crash()
		time.Sleep(2 * giveUp)
		w.start()
		w.settled()
		if m := w.message(0); m.State != masking.Failed || m.Reason == "" {
			w.t.Errorf("the text is %s: %q; want it to have failed, and why", m.State, m.Reason)
		}
	})
}

// What was left of the time to look a message up in is not what there is to send it.
func TestWorker_SlowList(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		t := w.t
		w.carrier.find = func(masking.Message) error { time.Sleep(18 * time.Second); return nil }
		w.carrier.set(func(_ masking.Message, try int) reply {
			if try == 1 {
				return failing(masking.Unknown, 0)
			}
			return reply{taken: true, after: 3 * time.Second}
		})
		w.text(0)
		w.settled()
		if tries, asked := len(w.carrier.tried()), len(w.carrier.asked); tries != 2 || asked != 1 {
			t.Errorf("%d tries and %d questions, want the try whose end nobody knows, one question and another try", tries, asked)
		}
		w.carrier.once(t)
	})
}

// One that cannot be marked, whatever the reason, is marked late; the others at once.
func TestWorker_OneNotMarked(t *testing.T) {
	inWorld(t, 3, func(w *world) {
		t := w.t
		db, err := sql.Open("sqlite3", "file:"+w.file+"?_busy_timeout=5000")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		_, err = db.Exec(`CREATE TRIGGER broken BEFORE UPDATE ON messages WHEN NEW.state = 'sent' AND NEW.body = 'text 1'
			BEGIN SELECT RAISE(FAIL, 'broken'); END`)
		if err != nil {
			t.Fatal(err)
		}
		w.text(0)
		time.Sleep(time.Second)
		w.text(1)
		w.text(2)
		time.Sleep(time.Second)
		for ride, want := range []masking.MessageState{masking.Sending, masking.Sent, masking.Sent} {
			if got := w.message(ride).State; got != want {
				t.Errorf("text %d is %s, want %s", ride+1, got, want)
			}
		}
		if _, err := db.Exec("DROP TRIGGER broken"); err != nil {
			t.Fatal(err)
		}
		w.settled()
		w.carrier.once(t)
	})
}

// A process stands still for longer than its claims last, and another claims what is in its hand.
func TestWorker_ClaimsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const people, workers = 20, 16
		var shift atomic.Int64
		w := newWorld(t, people, func() time.Time { return time.Now().Add(time.Duration(shift.Load())).Round(0) })
		w.carrier.set(func(masking.Message, int) reply { return reply{taken: true, after: 10 * time.Second} })
		for i := range people {
			w.text(i)
		}
		time.Sleep(time.Second)
		if tried := len(w.carrier.tried()); tried != workers {
			t.Fatalf("%d are being sent; want %d, and the rest in hand", tried, workers)
		}
		shift.Store(int64(outbox.Lease + 5*time.Second))
		other := storetest.Open(t, w.file, w.now)
		err := other.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error {
			claimed, err := tx.Claim(ctx, 2*people, outbox.Lease)
			if len(claimed) != people {
				t.Errorf("the other claimed %d, want %d", len(claimed), people)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(outbox.Lease / 2)
		if tried := len(w.carrier.tried()); tried != workers {
			t.Errorf("%d messages were sent that are in another's hand", tried-workers)
		}
	})
}

// The carrier would not find, at the new phone, what it perhaps took for the old one.
func TestWorker_uncertainWhenThePhoneChanges(t *testing.T) {
	inWorld(t, 1, func(w *world) {
		ctx := context.Background()
		w.carrier.set(func(masking.Message, int) reply { return reply{taken: true, after: time.Minute} }) // and the answer is lost
		w.text(0)
		time.Sleep(21 * time.Second)
		w.carrier.set(nil)
		driver := w.rides[0].Driver
		_, err := w.exchange.ChangeParty(ctx, masking.Driver, driver.ID, "Ben", "+447700900999")
		if !errors.As(err, new(masking.Invalid)) {
			t.Errorf("got %v; want the change to wait until the carrier has told", err)
		}
		w.settled()
		if _, err = w.exchange.ChangeParty(ctx, masking.Driver, driver.ID, "Ben", "+447700900999"); err != nil {
			t.Errorf("afterwards: %v", err)
		}
		w.settled()
		w.carrier.once(t)
	})
}

// A backup holds texts that wait. Whoever starts on it later starts on texts that have left since.
func TestWorker_startsOnABackup(t *testing.T) {
	inWorld(t, 2, func(w *world) {
		w.carrier.set(func(masking.Message, int) reply { return failing(masking.Refused, 2) }) // the account is closed
		w.text(0)
		w.text(0)
		w.text(1)
		time.Sleep(time.Minute)
		backup := filepath.Join(t.TempDir(), "backup.db")
		if _, err := store.Backup(context.Background(), w.file, backup); err != nil {
			t.Fatal(err)
		}
		left := true
		w.carrier.set(func(m masking.Message, _ int) reply { // open again: all leaves but ride 1's
			if m.RideID == w.rides[1].ID && left {
				return failing(masking.Refused, 2)
			}
			return ok
		})
		for len(w.carrier.bodies(w.rides[0].Driver.Number)) < 2 {
			time.Sleep(time.Minute)
		}
		w.stop()
		left = false
		w.file = backup
		w.start()
		w.settled()
		w.carrier.once(t)
		for i, want := range []int{2, 1} {
			if got := w.carrier.bodies(w.rides[i].Driver.Number); len(got) != want {
				t.Errorf("ride %d's driver got %q, want %d texts", i, got, want)
			}
		}
	})
}

// What left after the backup was made, and what is sent by whoever starts on the backup, have the
// same ids. Neither the carrier's list nor its reports may take one for the other.
func TestWorker_goesOnFromABackup(t *testing.T) {
	const lost, sent = "before the disk died", "after the start on the backup"
	for name, fails := range map[string]func(w *world, old masking.Message){
		"an uncertain try": func(w *world, _ masking.Message) {
			first := true
			w.carrier.set(func(masking.Message, int) reply {
				if first {
					first = false
					return failing(masking.Unknown, 0)
				}
				return ok
			})
			w.textOf(0, sent)
			w.settled()
		},
		"a late report": func(w *world, old masking.Message) {
			w.carrier.set(func(masking.Message, int) reply { return failing(masking.NotTaken, 0) })
			w.textOf(0, sent)
			time.Sleep(200 * time.Millisecond)
			report := masking.Report{CarrierID: old.CarrierID, Reference: old.Reference, State: masking.Delivered}
			if err := w.exchange.TakeReport(context.Background(), report, exchange.Proof{}); !errors.Is(err, masking.ErrNotFound) {
				w.t.Errorf("a report about a text that is in no table: got %v, want ErrNotFound", err)
			}
			w.carrier.set(nil)
			w.settled()
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, 1, func(w *world) {
				backup := filepath.Join(t.TempDir(), "backup.db")
				if _, err := store.Backup(context.Background(), w.file, backup); err != nil {
					t.Fatal(err)
				}
				w.textOf(0, lost)
				w.settled()
				old := w.message(0)
				w.stop()
				w.file = backup
				w.start()
				fails(w, old)
				if m := w.message(0); m.ID != old.ID || m.State != masking.Sent {
					t.Errorf("message %d is %s; want %d, sent", m.ID, m.State, old.ID)
				}
				if got := w.carrier.bodies(w.rides[0].Driver.Number); !slices.Equal(got, []string{lost, sent}) {
					t.Errorf("the driver got %q", got)
				}
			})
		})
	}
}
