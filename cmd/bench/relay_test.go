package main

import (
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// The bare relay loses nothing and takes nothing twice, or it would be no limit.
func TestRelay(t *testing.T) {
	c, err := newCarrier(1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	r, err := newRelay(c.url(), filepath.Join(t.TempDir(), "relay.db"))
	if err != nil {
		t.Fatal(err)
	}
	text := url.Values{"id": {"1"}, "originator": {"447700900101"}, "recipient": {"447700900901"}, "payload": {textMark + "00000001.000: Hi"}}
	if err := r.take(text); err != nil {
		t.Fatal(err)
	}
	if err := r.take(text); err == nil {
		t.Error("the same text was taken twice")
	}
	var from, to string
	for began := time.Now(); from == ""; time.Sleep(time.Millisecond) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("the text was not marked as sent")
		}
		_ = r.db.QueryRow("SELECT originator, recipient FROM relay_texts WHERE state = 'sent'").Scan(&from, &to) // no row: not yet
	}
	if from != "447700900901" || to != "447700900101" {
		t.Errorf("sent from %s to %s", from, to)
	}
	if texts, doubled := c.texts.Load(), c.doubled.Load(); texts != 1 || doubled != 0 {
		t.Errorf("the carrier has %d texts, %d twice; want 1", texts, doubled)
	}
	r.close()
}
