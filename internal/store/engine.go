package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"birdcar/internal/masking"
)

// engine is all that the two databases do differently, besides the DDL.
type engine struct {
	rewrite func(string) string // of an SQL text with $1…
	// bounded is a context for a statement or transaction that may take so long.
	bounded func(context.Context, time.Duration) (context.Context, context.CancelFunc)

	begin func(ctx context.Context, db *sql.DB) (transaction, error)

	writers int // transactions at once
	batch   int // parts of a transaction at most

	// add runs an INSERT of one row and returns its id, or sql.ErrNoRows.
	add func(ctx context.Context, q querier, query string, args []any) (int64, error)

	unique func(error) bool // whether a row that is there already was written again
	spoils func(error) bool // whether a read's failure may have ended the transaction that others are in as well
	busy   func(error) bool // whether the database could not do it now
	again  func(error) bool // whether the same transaction may succeed if run again now

	skipTaken string // at a choice of rows to write: those that another transaction holds are left out
	holdRead  string // at a read: the rows stay as they are until the transaction's end
	holdWrite string // at a read: besides, nobody else holds them, and who did has ended
	lock      func(ctx context.Context, q querier, shared string, keys []string) error

	roomy     string         // a statement before a transaction that writes very much
	snapshot  *sql.TxOptions // of a transaction that reads all as of one moment
	insert    func(ctx context.Context, conn *sql.Conn, tx *sql.Tx, table string, rows *tableRows) error
	lastID    func(ctx context.Context, q querier, table string) (int64, error)
	setLastID func(ctx context.Context, q querier, table string, last int64) error

	parted bool     // a ride's texts and calls are found part by part: see 0005_ride_texts.sql
	shared bool     // other processes may be at work on the same database
	names  []naming // in this database's references at the carrier, the newest first
}

const (
	readPatience  = 5 * time.Second  // for the database to answer a question
	writePatience = 10 * time.Second // for a whole transaction
	longPatience  = time.Hour        // for one that somebody has begun by hand
)

func nothing() {}

// errRaced says that another transaction came first. Tx runs the work again, which
// then sees what that one left.
var errRaced = fmt.Errorf("another transaction came first: %w", masking.ErrConflict)

// Lock makes this transaction the only one that holds the keys, until it ends;
// they are names that those agree on who must not work side by side. What is read
// after it is what the last holder left. SQLite's transactions are alone anyway.
//
// Who locks several keys locks them in one call, which puts them in order: else
// two transactions could wait for each other.
func (tx *Tx) Lock(ctx context.Context, keys ...string) error {
	return tx.engine.lock(ctx, tx.querier, "", keys)
}

// lists is the key of all places on the lists and in the pool. Who gives some a phone shares it.
const lists = "lists"

// LockLists lets nobody else give a phone a place on a list or in the pool: to be called before
// those are read, by who adds so many that a lock for each would not fit into PostgreSQL's memory for locks.
func (tx *Tx) LockLists(ctx context.Context) error {
	tx.hasLists = true
	return tx.Lock(ctx, lists)
}

// LockParties keeps customers and drivers as they are: to be called before their
// numbers are read, by who acts on those or changes them.
func (tx *Tx) LockParties(ctx context.Context, parties ...masking.Party) error {
	keys := make([]string, len(parties))
	for i, p := range parties {
		keys[i] = string(p.Role) + " " + strconv.FormatInt(p.ID, 10)
	}
	return tx.Lock(ctx, keys...)
}

// LockPhones lets nobody else give these phones a number of the pool: to be called after LockParties.
func (tx *Tx) LockPhones(ctx context.Context, phones ...masking.Number) error {
	return tx.Lock(ctx, phoneKeys(phones)...)
}

// LockPlaces is LockPhones, and lets nobody else give one of these phones a place on a list or in
// the pool. Who has LockLists is waited for, so it is to be called before anything is written.
func (tx *Tx) LockPlaces(ctx context.Context, phones ...masking.Number) error {
	return tx.engine.lock(ctx, tx.querier, lists, phoneKeys(phones))
}

func phoneKeys(phones []masking.Number) []string {
	keys := make([]string, len(phones))
	for i, n := range phones {
		keys[i] = "phone " + n.E164()
	}
	return keys
}

// keepApart makes sure that no other transaction makes a phone what excludes what this one makes
// it, a place on a list or in the pool: is says whether it has. Work has asked that before, too.
func (tx *Tx) keepApart(ctx context.Context, phone masking.Number, is func(context.Context, masking.Number) (bool, error)) error {
	if !tx.engine.shared || tx.hasLists {
		return nil
	}
	if err := tx.LockPlaces(ctx, phone); err != nil {
		return err
	}
	raced, err := is(ctx, phone)
	if err == nil && raced {
		return errRaced
	}
	return err
}
