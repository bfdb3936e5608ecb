package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// copied are all tables with our data, each after those it refers to.
var copied = []string{
	"settings", "customers", "drivers", "proxy_numbers", "rides", "routes", "number_uses", "pool_walks",
	"messages", "calls", "sessions", "signatures", "words", "text_minutes", "rosters", "roster_lines",
	"number_days", "pool_days",
}

// ownSettings are written by opening a database, and so say nothing about whether
// it is in use.
const ownSettings = "('" + installation + "', 'ping')"

// CopiedTable is what was copied of a table. The sums are of all that is in it, in
// whatever order; they are the same on any database.
type CopiedTable struct {
	Name     string
	Rows     int64
	From, To string
}

// ErrUnconfirmed says that a copy was not confirmed: all of it may be there, or nothing.
var ErrUnconfirmed = errors.New("it is not known whether the copy was committed; look whether the database to copy to is empty")

// CopyTo copies everything into an empty database, all or nothing, and tells each
// table once its sums were found equal. What is written here meanwhile waits, with SQLite,
// or is not copied. Once all is compared, ctx ends it no more: a commit under way cannot be
// taken back. With any error but ErrUnconfirmed nothing was copied.
func (s *Store) CopyTo(ctx context.Context, to *Store, tell func(CopiedTable)) error {
	source, err := s.write.BeginTx(ctx, s.engine.snapshot)
	if err != nil {
		return s.explain(err)
	}
	defer source.Rollback() //nolint:errcheck // it only read
	conn, err := to.write.Conn(ctx)
	if err != nil {
		return to.explain(err)
	}
	defer conn.Close()
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	unlessStopped := context.AfterFunc(ctx, cancel)
	target, err := conn.BeginTx(work, nil)
	if err != nil {
		return to.explain(err)
	}
	defer target.Rollback() //nolint:errcheck // after a commit there is nothing to roll back

	c := copying{from: querier{source, &s.engine, new(bool)}, to: querier{target, &to.engine, new(bool)}, conn: conn, target: target}
	if err := c.begin(ctx); err != nil {
		return err
	}
	for _, name := range copied {
		table, err := c.table(ctx, name)
		if err != nil {
			return fmt.Errorf("table %s: %w", name, err)
		}
		tell(table)
	}
	if !unlessStopped() {
		return ctx.Err()
	}
	if err := target.Commit(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	to.engine.names = s.engine.names // their settings are among what was copied
	return nil
}

type copying struct {
	from, to querier
	conn     *sql.Conn // of to
	target   *sql.Tx
}

func (c copying) begin(ctx context.Context) error {
	for _, q := range []querier{c.from, c.to} {
		if q.engine == c.from.engine && !q.engine.shared {
			continue // reading a file needs no room
		}
		if _, err := q.exec(ctx, q.engine.roomy); err != nil {
			return err
		}
	}
	for _, name := range copied {
		condition := ""
		if name == "settings" {
			condition = " WHERE name NOT IN " + ownSettings
		}
		var used bool
		if err := c.to.row(ctx, "SELECT EXISTS (SELECT 1 FROM "+name+condition+")").Scan(&used); err != nil {
			return err
		} else if used {
			return errNotEmpty
		}
	}
	_, err := c.to.exec(ctx, "DELETE FROM settings")
	return err
}

var errNotEmpty = errors.New("the database to copy to is not empty: make a new one for the copy, in which BirdCar never ran")

func (c copying) table(ctx context.Context, name string) (t CopiedTable, err error) {
	rows, err := c.open(ctx, c.from, name)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	if err := c.to.engine.insert(ctx, c.conn, c.target, name, rows); err != nil {
		return t, err
	}
	there, err := c.open(ctx, c.to, name)
	if err != nil {
		return t, err
	}
	defer there.Close()
	for there.Next() { //nolint:revive // counting is all
	}
	if err := there.Err(); err != nil {
		return t, err
	}
	t = CopiedTable{Name: name, Rows: rows.count, From: rows.sum(), To: there.sum()}
	if rows.count != there.count || t.From != t.To || !slices.Equal(rows.columns, there.columns) {
		return t, fmt.Errorf("%d rows with sum %s became %d with sum %s", rows.count, t.From, there.count, t.To)
	}
	if !rows.numbered() {
		return t, nil
	}
	last, err := c.from.engine.lastID(ctx, c.from, name)
	if err != nil || last == 0 {
		return t, err
	}
	return t, c.to.engine.setLastID(ctx, c.to, name, last)
}

// tableRows reads a table row by row and sums up what it read. Its methods Next,
// Values and Err are pgx.CopyFromSource.
type tableRows struct {
	*sql.Rows
	columns []string
	values  []any
	into    []any
	count   int64
	total   uint64
	err     error
}

// open reads a table's columns in the order of their names, which is the same in
// every database.
func (c copying) open(ctx context.Context, q querier, name string) (*tableRows, error) {
	columns, err := columnsOf(ctx, q, name)
	if err != nil {
		return nil, err
	}
	query := "SELECT " + strings.Join(columns, ", ") + " FROM " + name
	if slices.Contains(columns, "id") && name != "words" {
		query += " ORDER BY id" // a message comes after its cause
	}
	rows, err := q.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	t := &tableRows{Rows: rows, columns: columns, values: make([]any, len(columns)), into: make([]any, len(columns))}
	for i := range t.values {
		t.into[i] = &t.values[i]
	}
	return t, nil
}

func columnsOf(ctx context.Context, q querier, name string) ([]string, error) {
	rows, err := q.db.QueryContext(ctx, "SELECT * FROM "+name+" LIMIT 0")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	slices.Sort(columns)
	return columns, errors.Join(err, rows.Err())
}

// Next reads a row and adds it to the sum.
func (t *tableRows) Next() bool {
	if !t.Rows.Next() {
		return false
	}
	if t.err = t.Scan(t.into...); t.err != nil {
		return false
	}
	t.count++
	t.total += hashRow(t.values)
	return true
}

// Values are the row that Next read.
func (t *tableRows) Values() ([]any, error) { return t.values, nil }

// Err is what ended Next, if not the last row.
func (t *tableRows) Err() error { return errors.Join(t.err, t.Rows.Err()) }

// numbered reports whether the database gives these rows their ids, as far as the last
// row tells: a signature's id is a text of the carrier's.
func (t *tableRows) numbered() bool {
	i := slices.Index(t.columns, "id")
	if i < 0 {
		return false
	}
	_, text := t.values[i].(string)
	return !text
}

func (t *tableRows) sum() string { return fmt.Sprintf("%016x", t.total) }

// hashRow tells rows apart; hashes added up tell tables apart.
func hashRow(values []any) uint64 {
	b := make([]byte, 0, 256)
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case bool:
			b = fmt.Appendf(b, "b%t", v)
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 's'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'x'), uint64(len(v))), v...)
		default: // of no column that we have
			b = fmt.Appendf(b, "%T%v", v, v)
		}
	}
	h := sha256.Sum256(b)
	return binary.BigEndian.Uint64(h[:])
}
