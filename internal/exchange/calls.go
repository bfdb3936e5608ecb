package exchange

import (
	"context"
	"errors"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// AnswerWithin is how long it may take to find whom a call reaches, whatever the database does:
// MessageBird has the answer within two seconds, and it still has to be written and to travel.
const AnswerWithin = 1800 * time.Millisecond

// RouteCall decides what a caller gets: the other party of their ride on the number called, or a
// sentence. It takes as long as the database does: whoever asks must have answered
// after AnswerWithin, and what is decided later than that is recorded as not served.
// The only error is ErrReplayed.
func (x *Exchange) RouteCall(ctx context.Context, c masking.Call, p Proof) (flow masking.CallFlow, err error) {
	began := time.Now()
	record := masking.CallRecord{From: c.From, Number: c.To, Outcome: masking.CallUnknown}
	flow.Say = masking.SayUnknown
	route, err := x.callRoute(ctx, c, p)
	switch late := time.Since(began) >= AnswerWithin; {
	case errors.Is(err, ErrReplayed):
		return masking.CallFlow{}, err
	case late, err != nil && !errors.Is(err, masking.ErrNotFound):
		x.Log.Error("a call was not routed", "number", c.To, "err", err, "late", late)
		record.Outcome, flow.Say = masking.CallNotServed, masking.SayUnavailable
	case err != nil:
	case !route.Released.IsZero():
		record.RideID, record.Outcome, flow.Say = route.RideID, masking.CallEnded, masking.SayEnded
	default:
		record.RideID, record.Outcome, record.To = route.RideID, masking.Connected, route.Peer
		flow = masking.CallFlow{Transfer: route.Peer}
	}
	x.record(record)
	return flow, nil
}

// callRoute is as much of a caller's route as a call needs: its ride, the peer, and when it was released.
func (x *Exchange) callRoute(ctx context.Context, c masking.Call, p Proof) (masking.Route, error) {
	if err := x.letIn(ctx, p); err != nil {
		return masking.Route{}, err
	}
	if c.From.IsZero() {
		return masking.Route{}, masking.ErrNotFound
	}
	d := &dialled{call: c}
	if err := x.dialled.join(d); err != nil {
		return masking.Route{}, err
	}
	if d.err == nil && d.reaches.RideID != 0 {
		return masking.Route{RideID: d.reaches.RideID, Peer: d.reaches.To}, nil
	}
	route, err := masking.Route{}, masking.ErrNotFound
	switch {
	case errors.Is(d.err, context.DeadlineExceeded): // the caller has heard so
		return masking.Route{}, d.err
	case d.err != nil: // perhaps another's fault
		route, err = x.Store.Route(ctx, c.To, c.From)
	}
	if errors.Is(err, masking.ErrNotFound) {
		route, err = x.Store.ReleasedRoute(ctx, c.To, c.From)
	}
	return route, err
}

// dialled is a call that waits to hear whom it reaches.
type dialled struct {
	call    masking.Call
	reaches store.Connection
	err     error
}

// connect finds whom calls reach, in one question to the database. An answer after
// AnswerWithin would serve nobody, and keeps others waiting.
func (x *Exchange) connect(all []*dialled) {
	ctx, cancel := context.WithTimeout(context.Background(), AnswerWithin)
	defer cancel()
	calls := make([]masking.Call, len(all))
	for i, d := range all {
		calls[i] = d.call
	}
	reach, err := x.Store.Connections(ctx, calls)
	for i, d := range all {
		d.reaches, d.err = reach[i], err
	}
}

// record queues a call to be stored in the background: the answer does not wait for the
// disk. When too many wait, calls are not recorded but still answered.
func (x *Exchange) record(c masking.CallRecord) {
	c.At = x.Now()
	select {
	case x.calls <- c:
	default:
		x.Log.Warn("too many calls at once: one was answered but not recorded")
	}
}

const (
	callQueue = 32768 // calls that may wait to be recorded
	callBatch = 16384 // calls recorded at once, at most
	// callPause is between two batches, unless as many as one takes wait. The more calls
	// share a commit, the fewer pages are written for each, and the less often do those who
	// answer calls lose the pages that they have read. A program that is killed has not
	// recorded what it answered in that time. It is between two tries as well.
	callPause = 250 * time.Millisecond
)

// recordCalls stores calls. False: the database takes none now, and they wait again.
func (x *Exchange) recordCalls(ctx context.Context, first masking.CallRecord) bool {
	calls := append(make([]masking.CallRecord, 0, min(callBatch, 1+len(x.calls))), first)
	for len(calls) < callBatch && len(x.calls) > 0 {
		calls = append(calls, <-x.calls)
	}
	err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.RecordCalls(ctx, calls) })
	if errors.Is(err, masking.ErrBusy) {
		x.keepCalls(calls, err)
		return false
	} else if err != nil {
		x.Log.Error("calls were not recorded", "count", len(calls), "err", err)
	}
	for _, c := range calls {
		x.Publish(masking.Event{Kind: masking.CallIn, At: c.At, RideID: c.RideID})
	}
	return true
}

// keepCalls has calls wait again, before those that came since, as far as there is room. A
// commit that was not confirmed may have stored them: better twice than not at all.
func (x *Exchange) keepCalls(calls []masking.CallRecord, why error) {
	for len(x.calls) > 0 {
		calls = append(calls, <-x.calls)
	}
	kept := 0
	for _, c := range calls {
		select {
		case x.calls <- c:
			kept++
		default:
		}
	}
	x.Log.Warn("calls wait to be recorded", "count", kept, "err", why)
	if lost := len(calls) - kept; lost > 0 {
		x.Log.Error("calls were not recorded", "count", lost, "err", why)
	}
	time.Sleep(callPause) // a full queue of writes says no at once
}

// recordLast stores the calls that wait, as the program ends. A database that takes none is not waited for.
func (x *Exchange) recordLast(ctx context.Context) {
	for len(x.calls) > 0 {
		if !x.recordCalls(ctx, <-x.calls) {
			x.Log.Error("calls were not recorded", "count", len(x.calls))
			return
		}
	}
}
