package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
)

// relay is the least that loses no text and takes none twice: a text and what relays
// it in one commit before the OK, forwarded, and marked in another. It knows no
// rides, keeps no order, shows nothing and never tries again.
type relay struct {
	carrierURL string
	*committer
	waiting chan relayed
}

type relayed struct {
	id             int64
	from, to, body string
}

func newRelay(carrierURL, path string) (*relay, error) {
	c, err := newCommitter(path, `PRAGMA wal_autocheckpoint = 2000;
		CREATE TABLE relay_texts (id INTEGER PRIMARY KEY, carrier_id TEXT UNIQUE, cause_id INTEGER, state TEXT, originator TEXT, recipient TEXT, body TEXT);
		CREATE INDEX relay_waiting ON relay_texts (id) WHERE state = 'sending'`)
	if err != nil {
		return nil, err
	}
	r := &relay{carrierURL, c, make(chan relayed, 1<<16)}
	for range forwarders {
		go func() {
			for t := range r.waiting {
				if forward(carrierURL, t.from, t.to, t.body) == nil {
					go r.mark(t)
				}
			}
		}()
	}
	return r, nil
}

func (r *relay) take(form url.Values) error {
	t := relayed{from: form.Get("recipient"), to: form.Get("originator"), body: form.Get("payload")}
	err := r.do(func(tx *sql.Tx) error {
		in, err := tx.Exec("INSERT INTO relay_texts (carrier_id, state, originator, recipient, body) VALUES (?, 'relayed', ?, ?, ?)", form.Get("id"), t.to, t.from, t.body)
		if err != nil {
			return err
		}
		cause, err := in.LastInsertId()
		if err != nil {
			return err
		}
		out, err := tx.Exec("INSERT INTO relay_texts (cause_id, state, originator, recipient, body) VALUES (?, 'sending', ?, ?, ?)", cause, t.from, t.to, t.body)
		if err != nil {
			return err
		}
		t.id, err = out.LastInsertId()
		return err
	})
	if err == nil {
		r.waiting <- t
	}
	return err
}

func (r *relay) mark(t relayed) {
	err := r.do(func(tx *sql.Tx) error {
		_, err := tx.Exec("UPDATE relay_texts SET state = 'sent' WHERE id = ? AND state = 'sending'", t.id)
		return err
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "relay:", err)
	}
}
