package exchange

import (
	"context"
	"errors"
	"sync"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// inbound is a text that waits for its relaying.
type inbound struct {
	ctx   context.Context
	text  masking.Text
	proof Proof
	err   error
}

// relayAll relays texts, and tells each what became of it.
func (x *Exchange) relayAll(all []*inbound) {
	alone := all
	if len(all) > 1 {
		alone = x.relayTogether(all)
	}
	var each sync.WaitGroup
	for _, in := range alone {
		each.Go(func() { in.err = x.relayAlone(in.ctx, in.text, in.proof) })
	}
	each.Wait()
}

// relayTogether relays texts in one transaction, and tells each what became of it, or that the
// database takes none now. alone are left for the caller to relay one by one: texts without a live
// route, or all of them if the transaction failed.
func (x *Exchange) relayTogether(all []*inbound) (alone []*inbound) {
	err := x.tx(context.Background(), func(ctx context.Context, tx *store.Tx, b *batch) error {
		alone = nil
		texts := make([]masking.Text, len(all))
		for i, in := range all {
			texts[i] = in.text
		}
		routes, err := tx.TextRoutes(ctx, texts)
		if err != nil {
			return err
		}
		var live []routed
		for i, in := range all {
			route := routes[i]
			if route.RideID == 0 {
				alone = append(alone, in)
				continue
			}
			if in.err = in.ctx.Err(); in.err != nil {
				continue
			}
			in.err = in.proof.use(ctx, tx)
			switch {
			case in.err == nil:
				live = append(live, routed{in, route})
			case !errors.Is(in.err, ErrReplayed):
				return in.err
			}
		}
		return x.relayLive(ctx, tx, b, live)
	})
	if errors.Is(err, masking.ErrBusy) {
		for _, in := range all {
			in.err = err
		}
		return nil
	} else if err != nil {
		return all // none pays for another's failure
	}
	return alone
}

// routed is a text on its way.
type routed struct {
	*inbound
	route masking.Route
}

// relayLive relays the texts that are like most, in statements about all of them: short, and
// no other is for the same person or has the same id. The rest follows one by one.
func (x *Exchange) relayLive(ctx context.Context, tx *store.Tx, b *batch, live []routed) error {
	type lane struct{ from, to masking.Number }
	lanes, keys := make(map[lane]bool, len(live)), make(map[string]bool, len(live))
	var first, rest []routed
	for _, in := range live {
		to, key := lane{in.route.PeerNumber, in.route.Peer}, in.text.Key()
		if lanes[to] || keys[key] || len(masking.Split(in.text.Body)) > 1 {
			rest = append(rest, in)
		} else {
			first = append(first, in)
		}
		lanes[to], keys[key] = true, true
	}
	added := make([]store.Received, len(first))
	for i, in := range first {
		added[i] = received(in.route, in.text)
	}
	ids, err := tx.AddRelayed(ctx, added)
	if err != nil {
		return err
	}
	var unsent []store.Unsent
	for i, in := range first {
		if ids[i] == 0 {
			rest = append(rest, in)
			continue
		}
		b.tell(x.taken(tx, b, in.route, ids[i]).As(masking.RouteFound))
		unsent = append(unsent, relaying(in.route, ids[i], in.text))
	}
	routes := make([]masking.Route, len(live))
	for i, in := range live {
		routes[i] = in.route
	}
	if err := tx.LockLanes(ctx, routes); err != nil {
		return err
	}
	messages, err := tx.EnqueueAll(ctx, unsent, x.lease())
	if err != nil {
		return err
	}
	for _, m := range messages {
		b.enqueued(tx, m)
	}
	for _, in := range rest {
		if err := x.relay(ctx, tx, b, in.text); err != nil {
			return err
		}
	}
	return nil
}
