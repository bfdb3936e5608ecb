package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// AddRoster makes a planned roster without lines.
func (tx *Tx) AddRoster(ctx context.Context, role masking.Role) (id int64, err error) {
	return tx.add(ctx, "INSERT INTO rosters (role, state, created_at) VALUES ($1, $2, $3)", role, masking.RosterPlanned, ms(tx.Now))
}

// AddRosterLines adds lines to a roster.
func (tx *Tx) AddRosterLines(ctx context.Context, roster int64, lines []masking.RosterLine) error {
	return bulk(ctx, tx, "roster_lines (roster_id, line, name, number, verdict, note)", "", lines, func(l masking.RosterLine) []any {
		return []any{roster, l.Line, l.Name, l.Number, l.Verdict, l.Note}
	})
}

const selectRoster = `SELECT id, role, state, line, created_at,
	(SELECT COALESCE(MAX(line), 0) FROM roster_lines WHERE roster_id = rosters.id) FROM rosters `

func scanRoster(row scanner) (masking.Roster, error) {
	var r masking.Roster
	err := row.Scan(&r.ID, &r.Role, &r.State, &r.Written, at(&r.Created), &r.Lines)
	return r, err
}

// Roster is a roster of customers or drivers with its counts, or masking.ErrNotFound.
func (r reads) Roster(ctx context.Context, role masking.Role, id int64) (masking.Roster, error) {
	roster, err := scanRoster(r.row(ctx, selectRoster+"WHERE id = $1 AND role = $2", id, role))
	if err != nil {
		return roster, found(err)
	}
	type count struct {
		verdict masking.Verdict
		lines   int
	}
	counts, err := list(ctx, r.querier, func(row scanner) (c count, err error) { return c, row.Scan(&c.verdict, &c.lines) },
		"SELECT verdict, COUNT(*) FROM roster_lines WHERE roster_id = $1 GROUP BY verdict", id)
	roster.Counts = make(map[masking.Verdict]int, len(counts))
	for _, c := range counts {
		roster.Counts[c.verdict] = c.lines
	}
	return roster, err
}

// TakeRoster is a running roster, which no other transaction can take until this
// one has ended, or masking.ErrNotFound.
func (tx *Tx) TakeRoster(ctx context.Context, id int64) (masking.Roster, error) {
	// The write is what makes others wait where there are several writers.
	if _, err := tx.exec(ctx, "UPDATE rosters SET line = line WHERE id = $1", id); err != nil {
		return masking.Roster{}, err
	}
	roster, err := scanRoster(tx.row(ctx, selectRoster+"WHERE id = $1 AND state = 'running'", id))
	return roster, found(err)
}

// RunningRoster is the id of the oldest roster that is being written, or masking.ErrNotFound.
func (r reads) RunningRoster(ctx context.Context) (id int64, err error) {
	err = r.row(ctx, "SELECT id FROM rosters WHERE state = 'running' ORDER BY id LIMIT 1").Scan(&id)
	return id, found(err)
}

// OldRosters are the rosters made before a time that are not being written.
func (r reads) OldRosters(ctx context.Context, before time.Time) ([]int64, error) {
	return list(ctx, r.querier, scanID, "SELECT id FROM rosters WHERE created_at < $1 AND state <> 'running'", ms(before))
}

// SetRosterState moves a roster on. masking.ErrConflict: it is not in the state from any more.
func (tx *Tx) SetRosterState(ctx context.Context, id int64, from, to masking.RosterState) error {
	changed, err := tx.exec(ctx, "UPDATE rosters SET state = $1 WHERE id = $2 AND state = $3", to, id, from)
	if err == nil && changed == 0 {
		return masking.ErrConflict
	}
	return err
}

// SetRosterWritten notes that lines up to this one are written.
func (tx *Tx) SetRosterWritten(ctx context.Context, id int64, line int) error {
	_, err := tx.exec(ctx, "UPDATE rosters SET line = $1 WHERE id = $2", line, id)
	return err
}

// SetRosterLine stores a line's new verdict and note.
func (tx *Tx) SetRosterLine(ctx context.Context, roster int64, l masking.RosterLine) error {
	_, err := tx.exec(ctx, "UPDATE roster_lines SET verdict = $1, note = $2 WHERE roster_id = $3 AND line = $4",
		l.Verdict, l.Note, roster, l.Line)
	return err
}

// DropRoster deletes a roster and limit of its lines at most, and reports whether
// more are left; then the roster is too.
func (tx *Tx) DropRoster(ctx context.Context, id int64, limit int) (more bool, err error) {
	idle, err := tx.exec(ctx, "UPDATE rosters SET state = 'done' WHERE id = $1 AND state <> 'running'", id) // so that nobody starts it
	if err != nil {
		return false, err
	} else if idle == 0 {
		return false, masking.ErrConflict
	}
	dropped, err := tx.exec(ctx, `DELETE FROM roster_lines WHERE roster_id = $1 AND line IN
		(SELECT line FROM roster_lines WHERE roster_id = $1 ORDER BY line LIMIT $2)`, id, limit)
	if err != nil || dropped == int64(limit) {
		return true, err
	}
	_, err = tx.exec(ctx, "DELETE FROM rosters WHERE id = $1", id)
	return false, err
}

func scanRosterLine(row scanner) (masking.RosterLine, error) {
	var l masking.RosterLine
	err := row.Scan(&l.Line, &l.Name, &l.Number, &l.Verdict, &l.Note)
	return l, err
}

const selectRosterLine = "SELECT line, name, number, verdict, note FROM roster_lines "

// RosterFrom are a roster's lines after a line, limit at most.
func (r reads) RosterFrom(ctx context.Context, roster int64, after, limit int) ([]masking.RosterLine, error) {
	return list(ctx, r.querier, scanRosterLine, selectRosterLine+"WHERE roster_id = $1 AND line > $2 ORDER BY line LIMIT $3", roster, after, limit)
}

// RosterLines are a roster's lines of one verdict after a line, limit at most.
func (r reads) RosterLines(ctx context.Context, roster int64, verdict masking.Verdict, after, limit int) ([]masking.RosterLine, error) {
	return list(ctx, r.querier, scanRosterLine, selectRosterLine+
		"WHERE roster_id = $1 AND verdict = $2 AND line > $3 ORDER BY line LIMIT $4", roster, verdict, after, limit)
}

// atOnce is how many numbers one query looks for. Its text is always the same, so
// that it stays prepared; the places that are not needed hold NULL, which is
// nobody's number.
const atOnce = 100

var numberPlaces = func() string {
	var b strings.Builder
	for i := range atOnce {
		b.WriteString(", $" + strconv.Itoa(i+1))
	}
	return b.String()[2:]
}()

// inParts calls look with the arguments for numberPlaces until every number was looked for.
func inParts(numbers []masking.Number, look func(places []any) error) error {
	places := make([]any, atOnce)
	for start := 0; start < len(numbers); start += atOnce {
		for i := range places {
			places[i] = sql.NullString{}
			if start+i < len(numbers) {
				places[i] = numbers[start+i]
			}
		}
		if err := look(places); err != nil {
			return err
		}
	}
	return nil
}

// PartiesWith are the customers or drivers on the list who have one of the numbers.
func (r reads) PartiesWith(ctx context.Context, role masking.Role, numbers []masking.Number) (all []masking.Party, err error) {
	query := "SELECT id, name, number, created_at FROM " + table(role) + " WHERE number IN (" + numberPlaces + ") AND deleted_at = 0 ORDER BY id"
	err = inParts(numbers, func(places []any) error {
		some, err := list(ctx, r.querier, scanParty(role), query, places...)
		all = append(all, some...)
		return err
	})
	return all, err
}

// PoolWith are those of the numbers that are in the pool.
func (r reads) PoolWith(ctx context.Context, numbers []masking.Number) (all []masking.Number, err error) {
	query := "SELECT number FROM proxy_numbers WHERE number IN (" + numberPlaces + ")"
	err = inParts(numbers, func(places []any) error {
		some, err := list(ctx, r.querier, func(row scanner) (n masking.Number, err error) { return n, row.Scan(&n) }, query, places...)
		all = append(all, some...)
		return err
	})
	return all, err
}
