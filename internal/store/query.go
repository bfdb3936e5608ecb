package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"birdcar/internal/masking"
)

// querier runs SQL written with $1… on a pool or in a transaction.
type querier struct {
	db     database
	engine *engine
	wrote  *bool // set by the first write; nil outside a transaction
}

// database is a *sql.DB, or a transaction in one.
type database interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// transaction is a *sql.Tx, or works like one.
type transaction interface {
	database
	Commit() error
	Rollback() error
}

// reads are the queries that both the store and a transaction can answer.
type reads struct{ querier }

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

func (q querier) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	q.writes()
	res, err := q.db.ExecContext(ctx, q.engine.rewrite(query), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (q querier) writes() {
	if q.wrote != nil {
		*q.wrote = true
	}
}

// reading bounds a read that is in no transaction: those are bounded as a whole.
func (q querier) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	if q.wrote != nil {
		return ctx, nothing
	}
	return q.engine.bounded(ctx, readPatience)
}

func (q querier) row(ctx context.Context, query string, args ...any) scanner {
	ctx, done := q.reading(ctx)
	return &row{q.db.QueryRowContext(ctx, q.engine.rewrite(query), args...), q, done}
}

// row is a *sql.Row whose context ends once it is scanned.
type row struct {
	*sql.Row
	of   querier
	done context.CancelFunc
}

func (r *row) Scan(dest ...any) error {
	defer r.done()
	return r.of.reached(r.Row.Scan(dest...))
}

// reached says of an error that the database was out of reach, or had no time, if so.
func (q querier) reached(err error) error {
	if err != nil && !errors.Is(err, masking.ErrBusy) && q.engine.busy(err) {
		return fmt.Errorf("%w: %w", masking.ErrOutOfReach, err)
	}
	return err
}

// writeRow is row for a statement that writes and returns.
func (q querier) writeRow(ctx context.Context, query string, args ...any) scanner {
	q.writes()
	return q.row(ctx, query, args...)
}

// add runs an INSERT of one row and returns the id that it got; masking.ErrNotFound:
// it added none.
func (q querier) add(ctx context.Context, query string, args ...any) (id int64, err error) {
	q.writes()
	id, err = q.engine.add(ctx, q, query, args)
	return id, found(err)
}

// list scans every row of a query.
func list[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	ctx, done := q.reading(ctx)
	defer done()
	rows, err := q.db.QueryContext(ctx, q.engine.rewrite(query), args...)
	if err != nil {
		return nil, q.reached(err)
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, q.reached(rows.Err())
}

// found turns a missing row into masking.ErrNotFound.
func found(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return masking.ErrNotFound
	}
	return err
}

// ms is a time as the database keeps it; 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// moment scans what ms wrote.
type moment struct{ t *time.Time }

func at(t *time.Time) moment { return moment{t} }

// Scan implements sql.Scanner.
func (m moment) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("scan %T into a time", src)
	}
	*m.t = time.Time{}
	if n != 0 {
		*m.t = time.UnixMilli(n)
	}
	return nil
}

// id stores 0 as NULL, for references that may be missing.
func id(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
