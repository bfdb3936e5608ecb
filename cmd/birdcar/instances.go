package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// instances tells the other BirdCars on the same database what happens here, and
// those who watch here what happens there. What it tells is a hint to look: when too much
// happens at once, or the database is away, some of it is not told.
type instances struct {
	store   *store.Store
	publish func(masking.Event) // to those who watch here
	log     *slog.Logger
	id      string // of this process
	events  chan masking.Event
}

// notice is what goes between instances: no numbers and no texts.
type notice struct {
	From   string
	Events []masking.Event
}

// noticeEvents is how many events fit into a notice: each has 200 bytes at most.
const noticeEvents = store.MaxNotice/200 - 1

func newInstances(s *store.Store, publish func(masking.Event), log *slog.Logger) *instances {
	return &instances{store: s, publish: publish, log: log, id: rand.Text(), events: make(chan masking.Event, 1024)}
}

// tell never waits.
func (i *instances) tell(e masking.Event) {
	if !i.store.Shared() {
		return
	}
	select {
	case i.events <- e:
	default:
	}
}

// run tells and listens until ctx ends.
func (i *instances) run(ctx context.Context) {
	if !i.store.Shared() {
		return
	}
	var listening sync.WaitGroup
	defer listening.Wait()
	listening.Go(func() {
		i.store.Listen(ctx, i.heard, func(err error) {
			i.log.Warn("live updates of other instances are missed until the database is back", "err", err)
		})
	})
	for {
		select {
		case first := <-i.events:
			i.send(ctx, first)
		case <-ctx.Done():
			return
		}
	}
}

// send tells what happened since the last notice in one.
func (i *instances) send(ctx context.Context, first masking.Event) {
	n := notice{From: i.id, Events: []masking.Event{first}}
	for len(n.Events) < noticeEvents && len(i.events) > 0 {
		n.Events = append(n.Events, <-i.events)
	}
	payload, err := json.Marshal(n)
	if err == nil {
		err = i.store.Notify(ctx, string(payload))
	}
	if err != nil && ctx.Err() == nil {
		i.log.Debug("other instances were not told what happened", "events", len(n.Events), "err", err)
	}
}

func (i *instances) heard(payload string) {
	if payload == "" { // anything may have happened until now; every page looks at this kind
		i.publish(masking.Event{Kind: masking.SendingMoved, At: time.Now()})
		return
	}
	var n notice
	if err := json.Unmarshal([]byte(payload), &n); err != nil {
		i.log.Warn("a notice of another instance was not understood", "err", err)
		return
	}
	if n.From == i.id {
		return
	}
	for _, e := range n.Events {
		i.publish(e)
	}
}
