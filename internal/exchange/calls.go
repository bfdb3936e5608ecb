package exchange

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// answerWithin is how long a caller waits for the database, whatever it does.
const answerWithin = 2 * time.Second

// RouteCall decides what a caller gets: the other party of their ride on the number called, or a
// sentence. It answers within two seconds even when the database does not.
// The only error is ErrReplayed.
func (x *Exchange) RouteCall(ctx context.Context, c masking.Call, p Proof) (masking.CallFlow, error) {
	r := routing{ctx: ctx, call: c, proof: p, answered: make(chan routed, 1)}
	select {
	case x.routers <- r:
	default:
		go x.router(r)
	}
	timeout := time.NewTimer(answerWithin)
	defer timeout.Stop()
	select {
	case a := <-r.answered:
		return a.flow, a.err
	case <-timeout.C:
		x.Log.Error("a call was not routed in time", "number", c.To)
		return masking.CallFlow{Say: masking.SayUnavailable}, nil
	}
}

// routing is a call on its way to its answer.
type routing struct {
	ctx      context.Context // of this one request, which another goroutine answers
	call     masking.Call
	proof    Proof
	answered chan routed
}

type routed struct {
	flow masking.CallFlow
	err  error
}

// routerIdle is how long a router waits for its next call.
const routerIdle = 10 * time.Second

// router answers calls until there are none. It stays for the next one because its
// stack has grown: growing a new one takes as long as asking the database.
func (x *Exchange) router(r routing) {
	idle := time.NewTimer(routerIdle)
	defer idle.Stop()
	for {
		r.answered <- x.routeSafely(r)
		r = routing{} // what it held can go
		idle.Reset(routerIdle)
		select {
		case r = <-x.routers:
		case <-idle.C:
			return
		}
	}
}

func (x *Exchange) routeSafely(r routing) (a routed) {
	defer func() {
		if p := recover(); p != nil {
			x.Log.Error("a call was not routed", "number", r.call.To, "panic", p, "stack", string(debug.Stack()))
			a = routed{flow: masking.CallFlow{Say: masking.SayUnavailable}}
		}
	}()
	a.flow, a.err = x.routeCall(r.ctx, r.call, r.proof)
	return a
}

func (x *Exchange) routeCall(ctx context.Context, c masking.Call, p Proof) (masking.CallFlow, error) {
	record := masking.CallRecord{From: c.From, Number: c.To, Outcome: masking.CallUnknown}
	flow := masking.CallFlow{Say: masking.SayUnknown}
	route, err := x.callRoute(ctx, c, p)
	switch {
	case errors.Is(err, ErrReplayed):
		return masking.CallFlow{}, err
	case errors.Is(err, masking.ErrNotFound):
	case err != nil:
		x.Log.Error("a call was not routed", "number", c.To, "err", err)
		record.Outcome, flow.Say = masking.CallNotServed, masking.SayUnavailable
	case !route.Released.IsZero():
		record.RideID, record.Outcome, flow.Say = route.RideID, masking.CallEnded, masking.SayEnded
	default:
		record.RideID, record.Outcome, record.To = route.RideID, masking.Connected, route.Peer
		flow = masking.CallFlow{Transfer: route.Peer}
	}
	x.record(record)
	return flow, nil
}

func (x *Exchange) callRoute(ctx context.Context, c masking.Call, p Proof) (masking.Route, error) {
	if p.ID != "" { // only a signed call has something to write before it is answered
		err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return p.use(ctx, tx) })
		if err != nil {
			return masking.Route{}, err
		}
	}
	if c.From.IsZero() {
		return masking.Route{}, masking.ErrNotFound
	}
	route, err := x.Store.Route(ctx, c.To, c.From)
	if errors.Is(err, masking.ErrNotFound) {
		route, err = x.Store.ReleasedRoute(ctx, c.To, c.From)
	}
	return route, err
}

// record leaves a call to be stored behind the caller's back: the answer does
// not wait for the disk. When too many wait, calls are not recorded but still answered.
func (x *Exchange) record(c masking.CallRecord) {
	c.At = x.Now()
	select {
	case x.calls <- c:
	default:
		x.Log.Warn("too many calls at once: one was answered but not recorded")
	}
}

const (
	callQueue = 8192 // calls that may wait to be recorded
	callBatch = 1024 // calls recorded at once, at most
	// callPause is between two batches: one commit for many calls leaves the disk
	// and the processors to the answers.
	callPause = 20 * time.Millisecond
)

func (x *Exchange) recordCalls(ctx context.Context, first masking.CallRecord) {
	calls := []masking.CallRecord{first}
	for len(calls) < callBatch && len(x.calls) > 0 {
		calls = append(calls, <-x.calls)
	}
	err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.RecordCalls(ctx, calls) })
	if err != nil {
		x.Log.Error("calls were not recorded", "count", len(calls), "err", err)
	}
	for _, c := range calls {
		x.Publish(masking.Event{Kind: masking.CallIn, At: c.At, RideID: c.RideID})
	}
}
