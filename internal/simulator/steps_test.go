package simulator

import (
	"testing"
	"time"

	"birdcar/internal/masking"
)

func TestRun(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	event := func(kind masking.EventKind, ride, message int64, state masking.MessageState) masking.Event {
		return masking.Event{Kind: kind, At: at, RideID: ride, MessageID: message, State: state}
	}
	in := event(masking.TextIn, 12, 1, "")
	found := event(masking.RouteFound, 12, 1, "")
	moved := func(id int64, state masking.MessageState) masking.Event {
		return event(masking.MessageMoved, 12, id, state)
	}
	tests := map[string]struct {
		events []masking.Event
		want   [4]stepState
	}{
		"a text arrives": {
			[]masking.Event{in, found, moved(2, masking.Queued), moved(2, masking.Sending), moved(2, masking.Sent), moved(2, masking.Delivered)},
			[4]stepState{done, done, done, done},
		},
		"the report comes before the answer to the sending": {
			[]masking.Event{in, found, moved(2, masking.Queued), moved(2, masking.Delivered)},
			[4]stepState{done, done, done, done},
		},
		"a stranger's text": {
			[]masking.Event{in, event(masking.RouteMissing, 0, 1, "")},
			[4]stepState{done, troubled, toCome, toCome},
		},
		"the carrier refuses": {
			[]masking.Event{in, found, moved(2, masking.Queued), moved(2, masking.Failed)},
			[4]stepState{done, done, toCome, wrong},
		},
		"another message of the ride is delivered meanwhile": {
			[]masking.Event{in, found, moved(2, masking.Queued), moved(1, masking.Delivered)},
			[4]stepState{done, done, toCome, toCome},
		},
		"a message of another ride moves": {
			[]masking.Event{in, found, event(masking.MessageMoved, 13, 9, masking.Sent)},
			[4]stepState{done, done, toCome, toCome},
		},
		"the next text begins anew": {
			[]masking.Event{in, found, moved(2, masking.Sent), moved(2, masking.Delivered), in},
			[4]stepState{done, toCome, toCome, toCome},
		},
		"a call": {
			[]masking.Event{in, found, event(masking.CallIn, 12, 0, "")},
			[4]stepState{done, toCome, toCome, toCome},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRun(textRun)
			for _, e := range test.events {
				r.take(e)
			}
			for i, step := range r.steps {
				if step.State != test.want[i] {
					t.Errorf("step %d (%s): got %q, want %q", i+1, step.Title, step.State, test.want[i])
				}
			}
		})
	}
}

func TestRun_ACallsEventMayComeAfterItsAnswer(t *testing.T) {
	r := newRun(callRun)
	r.answered(time.Now(), flow{transfer: ben.Number.Digits(), mask: true})
	before := r
	r.take(masking.Event{Kind: masking.CallIn, At: time.Now(), RideID: 12})
	if r != before {
		t.Errorf("the late event changed the steps to %+v", r.steps)
	}
}
