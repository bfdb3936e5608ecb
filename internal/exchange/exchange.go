// Package exchange owns the use cases, one transaction each: what happens when a
// ride is made or ends, a text or a call comes in, or a delivery report arrives.
// It knows the store and the rules of masking; no HTTP, no carrier.
package exchange

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Exchange connects the two parties of each ride.
type Exchange struct {
	Config
	inbounds rounds[*inbound]
	dialled  rounds[*dialled]
	unnoted  unnoted
	calls    chan masking.CallRecord
	chores   chan struct{} // has one when Chores shall look
	counts   counts
}

// Config is what an Exchange works with; every field but Publish and Keep is required.
type Config struct {
	Store     *store.Store
	Outbox    Outbox
	Zone      *time.Location // of times in texts
	Country   string         // how numbers without a country code are read
	RideLimit time.Duration  // how long after its time a ride ends by itself
	Linger    time.Duration  // how long an ended ride still connects
	Keep      time.Duration  // how long what is over is kept; 0: for ever
	Lease     time.Duration  // how long a message handed to the outbox is claimed
	Now       func() time.Time
	Publish   func(masking.Event)
	Log       *slog.Logger
}

// Outbox sends what the exchange enqueued.
type Outbox interface {
	// Ready reports whether messages may be handed over: if not, they wait in
	// the database until the outbox fetches them.
	Ready() bool
	// Hand gives the outbox messages that are claimed for it and on disk.
	Hand(messages ...masking.Message)
}

// New returns an Exchange; Run, Chores and Forget must run beside it.
func New(c Config) (*Exchange, error) {
	switch {
	case c.Store == nil, c.Outbox == nil, c.Zone == nil, c.Now == nil, c.Log == nil:
		return nil, errors.New("exchange: Store, Outbox, Zone, Now and Log are required")
	case c.Country == "", c.RideLimit <= 0, c.Linger < 0, c.Keep < 0, c.Lease <= 0:
		return nil, errors.New("exchange: Country, RideLimit, Linger and Lease are required, and not negative, nor is Keep")
	}
	if c.Publish == nil {
		c.Publish = func(masking.Event) {}
	}
	x := &Exchange{Config: c, calls: make(chan masking.CallRecord, callQueue), chores: make(chan struct{}, 1)}
	x.inbounds.do, x.dialled.do = x.relayAll, x.connect
	return x, nil
}

// Proof is what a carrier's signature proved: its id, which lets in one request
// only, and when it expires. The zero Proof is of a request let in by the token.
type Proof struct {
	ID      string
	Expires time.Time
}

// ErrReplayed says that the signature of a request let one in before.
var ErrReplayed = errors.New("this signature was used before")

// use notes the proof in the transaction of what it lets in, so that a request
// which came to nothing may be repeated.
func (p Proof) use(ctx context.Context, tx *store.Tx) error {
	if p.ID == "" {
		return nil
	}
	err := tx.UseSignature(ctx, p.ID, p.Expires.UnixMilli())
	if errors.Is(err, masking.ErrConflict) {
		return ErrReplayed
	}
	return err
}

// batch is what a transaction enqueued and has to tell, for after its commit.
type batch struct {
	claimed []masking.Message
	events  []masking.Event
	counted []*atomic.Int64
}

func (b *batch) tell(e masking.Event) { b.events = append(b.events, e) }

func (b *batch) count(n *atomic.Int64) { b.counted = append(b.counted, n) }

// tx runs work in a transaction, then hands the outbox what was enqueued and
// tells those who watch.
func (x *Exchange) tx(ctx context.Context, work func(ctx context.Context, tx *store.Tx, b *batch) error) error {
	return x.txIn(ctx, x.Store.Tx, work)
}

// txIn is tx with the transaction that run begins: Store.Tx or Store.LongTx.
func (x *Exchange) txIn(ctx context.Context, run func(context.Context, func(context.Context, *store.Tx) error) error,
	work func(ctx context.Context, tx *store.Tx, b *batch) error) error {
	var b batch
	err := run(ctx, func(ctx context.Context, tx *store.Tx) error {
		b = batch{}
		return work(ctx, tx, &b)
	})
	if err != nil {
		return err
	}
	if len(b.claimed) > 0 {
		x.Outbox.Hand(b.claimed...)
	}
	for _, n := range b.counted {
		n.Add(1)
	}
	for _, e := range b.events {
		x.Publish(e)
	}
	return nil
}

// enqueue stores an outbound message, in as many parts as the carrier needs.
func (x *Exchange) enqueue(ctx context.Context, tx *store.Tx, b *batch, u store.Unsent) error {
	lease := x.lease()
	first := u.Part
	for part, body := range masking.Split(u.Body) {
		u.Part, u.Body = first+part, body
		m, err := tx.Enqueue(ctx, u, lease)
		if err != nil {
			return err
		}
		b.enqueued(tx, m)
	}
	return nil
}

// enqueued hands m to the outbox after the commit, if it was claimed for it.
func (b *batch) enqueued(tx *store.Tx, m masking.Message) {
	if m.State == masking.Sending {
		b.claimed = append(b.claimed, m)
	}
	b.tell(masking.Event{Kind: masking.MessageMoved, At: tx.Now, RideID: m.RideID, MessageID: m.ID, State: m.State})
}

// lease is how long a message is claimed for the outbox; 0: it shall wait in the database.
func (x *Exchange) lease() time.Duration {
	if x.Outbox.Ready() {
		return x.Lease
	}
	return 0
}

// next claims the next message in the lane that m has left.
func (x *Exchange) next(ctx context.Context, tx *store.Tx, b *batch, m masking.Message) error {
	following, err := tx.ClaimNext(ctx, x.lease(), m)
	b.claimed = append(b.claimed, following...)
	return err
}
