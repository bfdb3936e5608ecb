package server_test

import (
	"testing"

	"birdcar/internal/masking"
)

func TestPublish(t *testing.T) {
	s := newSite(t)
	s.server.Publish(masking.Event{MessageID: 1}) // nobody listens

	slow, cancelSlow := s.server.Subscribe()
	quick, cancelQuick := s.server.Subscribe()
	for i := range 1000 {
		s.server.Publish(masking.Event{MessageID: int64(i)})
		if got := <-quick; got.MessageID != int64(i) {
			t.Fatalf("who keeps up got event %d, want %d", got.MessageID, i)
		}
	}
	cancelSlow()
	cancelSlow() // does nothing more
	first, last, count := int64(-1), int64(-1), 0
	for e := range slow {
		if first < 0 {
			first = e.MessageID
		}
		last, count = e.MessageID, count+1
	}
	if last != 999 || first != 1000-int64(count) || count == 0 {
		t.Errorf("who was slow got events %d to %d, %d of them; want the newest ones", first, last, count)
	}
	s.server.Publish(masking.Event{MessageID: 7})
	if got := <-quick; got.MessageID != 7 {
		t.Errorf("got event %d, want 7", got.MessageID)
	}
	cancelQuick()
	if _, open := <-quick; open {
		t.Error("a cancelled subscription still gets events")
	}
}
