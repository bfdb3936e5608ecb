package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"birdcar/internal/masking"
)

// What is forgotten is deleted in pieces, so that who writes meanwhile waits a moment at most.

// ClosedRides are rides that closed before a time, oldest first, limit at most, from the one that
// closed after the ride given; nil: from the oldest.
func (r reads) ClosedRides(ctx context.Context, before time.Time, after *masking.Ride, limit int) ([]masking.Ride, error) {
	var at, id int64
	if after != nil {
		at, id = ms(after.ClosedAt), after.ID
	}
	return list(ctx, r.querier, scanRide, selectRide+`WHERE r.closed_at > 0 AND r.closed_at < $1 AND (r.closed_at, r.id) > ($2, $3)
		ORDER BY r.closed_at, r.id LIMIT $4`, ms(before), at, id, limit)
}

// ofIDs makes a statement about the rows that ids are of.
func ofIDs(text string) manyRows { return aboutRows("WITH named (id) AS (VALUES) "+text, 0, "BIGINT") }

var (
	forgetTexts  = ofIDs("DELETE FROM messages WHERE id IN (SELECT id FROM named)")
	forgetCalls  = ofIDs("DELETE FROM calls WHERE id IN (SELECT id FROM named)")
	forgetRoutes = ofIDs("DELETE FROM routes WHERE ride_id IN (SELECT id FROM named)")
	forgetRides  = ofIDs("DELETE FROM rides WHERE id IN (SELECT id FROM named)")
	ofID         = func(id int64) []any { return []any{id} }
)

// ForgetRides deletes closed rides, with their texts and routes, and returns how many rides and
// texts: a ride stays of which a text still waits to be sent. Its calls stay until ForgetCalls.
func (tx *Tx) ForgetRides(ctx context.Context, closed []masking.Ride) (rides, texts int, err error) {
	var rideIDs, textIDs []int64
	var words []word
	if closed, err = tx.holdRides(ctx, closed); err != nil {
		return 0, 0, err
	}
	for _, ride := range closed {
		waits := false
		ids, err := list(ctx, tx.querier, func(row scanner) (id int64, err error) {
			var unsent bool
			err = row.Scan(&id, &unsent)
			waits = waits || unsent
			return id, err
		}, tx.of(textsOfRide, "SELECT id, state IN ('queued', 'sending') FROM messages WHERE id IN (SELECT id FROM of_ride)"), ride.ID, below(0))
		if err != nil {
			return 0, 0, err
		} else if waits {
			continue
		}
		textIDs = append(textIDs, ids...)
		rideIDs, words = append(rideIDs, ride.ID), append(words, rideWords(ride)...)
	}
	// What caused another is older; it must not go first, if not all go in one statement.
	slices.SortFunc(textIDs, func(a, b int64) int { return cmp.Compare(b, a) })
	for _, step := range []struct {
		delete manyRows
		ids    []int64
	}{{forgetTexts, textIDs}, {forgetRoutes, rideIDs}, {forgetRides, rideIDs}} {
		if _, err := execParts(ctx, tx.querier, step.delete, nil, step.ids, ofID); err != nil {
			return 0, 0, err
		}
	}
	return len(rideIDs), len(textIDs), tx.dropWords(ctx, words)
}

var heldRides = ofIDs("SELECT id FROM rides WHERE id IN (SELECT id FROM named) ORDER BY id FOR UPDATE")

// holdRides waits for who is about to add a text to one of some rides, and returns those that
// no other process has forgotten.
func (tx *Tx) holdRides(ctx context.Context, rides []masking.Ride) ([]masking.Ride, error) {
	if !tx.engine.shared {
		return rides, nil
	}
	held := map[int64]bool{}
	err := eachPart(ctx, tx.querier, heldRides, nil, rides, func(r masking.Ride) []any { return []any{r.ID} }, func(row scanner) error {
		id, err := scanID(row)
		held[id] = true
		return err
	})
	return slices.DeleteFunc(slices.Clone(rides), func(r masking.Ride) bool { return !held[r.ID] }), err
}

// A use that is over, whose phone has a list that it is on or has not.
func oldUses(statement, listed string) manyRows {
	return aboutRows("WITH named (party, number_id) AS (VALUES) "+statement+` WHERE (party, number_id) IN (SELECT party, number_id FROM named)
		AND used_at > 0 AND NOT live AND used_at < $1 AND `+listed+` EXISTS
		(SELECT 1 FROM pool_walks w WHERE w.party = number_uses.party AND w.country = number_uses.country)`, 1, "TEXT", "BIGINT")
}

var forgetUses = []manyRows{
	oldUses("UPDATE number_uses SET used_at = 0", ""), // a list must name every number up to where it is
	oldUses("DELETE FROM number_uses", "NOT"),
}

// ForgetUses forgets which numbers phones had before a time, limit uses at most, and returns how
// many: to a choice it is as if there had been none.
func (tx *Tx) ForgetUses(ctx context.Context, before time.Time, limit int) (forgotten int, err error) {
	uses, err := list(ctx, tx.querier, scanParties, `SELECT party, number_id FROM number_uses
		WHERE used_at > 0 AND NOT live AND used_at < $1 ORDER BY used_at LIMIT $2`, ms(before), limit)
	if err != nil || len(uses) == 0 {
		return 0, err
	}
	phones := make([]masking.Number, len(uses))
	for i, u := range uses {
		phones[i] = u.party
	}
	if err := tx.LockPhones(ctx, phones...); err != nil {
		return 0, err
	}
	for _, statement := range forgetUses {
		n, err := execParts(ctx, tx.querier, statement, []any{ms(before)}, uses, partyOnNumber.values)
		if err != nil {
			return 0, err
		}
		forgotten += int(n)
	}
	return forgotten, nil
}

// Listed is a phone that has a list of the pool's numbers.
type Listed struct {
	Phone masking.Number
	Known bool // somebody on the lists of people has it
}

// ListedPhones are phones that have a list of the pool's numbers, in their order and after one
// (none: from the first), limit at most.
func (r reads) ListedPhones(ctx context.Context, after masking.Number, limit int) ([]Listed, error) {
	return list(ctx, r.querier, func(row scanner) (l Listed, err error) { return l, row.Scan(&l.Phone, &l.Known) },
		`SELECT party, EXISTS (SELECT 1 FROM customers WHERE number = party AND deleted_at = 0) OR
			EXISTS (SELECT 1 FROM drivers WHERE number = party AND deleted_at = 0)
		FROM (SELECT DISTINCT party FROM pool_walks WHERE party > $1 ORDER BY party LIMIT $2) AS listed ORDER BY party`, after.E164(), limit)
}

// ForgetList forgets the list of the pool's numbers that a phone has of which no use is left,
// limit numbers at most, and reports whether there are more. The list is at no moment taken for
// whole that is not: whoever has the phone next may have a ride between two such steps.
func (tx *Tx) ForgetList(ctx context.Context, phone masking.Number, limit int) (more bool, err error) {
	if err := tx.LockPhones(ctx, phone); err != nil {
		return false, err
	}
	var used bool
	err = tx.row(ctx, "SELECT EXISTS (SELECT 1 FROM number_uses WHERE party = $1 AND (live OR used_at > 0))", phone).Scan(&used)
	if err != nil || used {
		return false, err
	}
	if _, err := tx.exec(ctx, "UPDATE pool_walks SET available_seq = 0 WHERE party = $1 AND available_seq > 0", phone); err != nil {
		return false, err
	}
	n, err := tx.exec(ctx, `DELETE FROM number_uses WHERE party = $1 AND NOT live AND used_at = 0
		AND number_id IN (SELECT number_id FROM number_uses WHERE party = $1 ORDER BY number_id LIMIT $2)`, phone, limit)
	if err != nil || int(n) == limit {
		return err == nil, err
	}
	_, err = tx.exec(ctx, "DELETE FROM pool_walks WHERE party = $1", phone)
	return false, err
}

// ForgetParties deletes customers and drivers who were taken off the list before a time and whom
// no ride names any more, limit of each at most, and returns how many.
func (tx *Tx) ForgetParties(ctx context.Context, before time.Time, limit int) (forgotten int, err error) {
	for _, role := range []masking.Role{masking.Customer, masking.Driver} {
		n, err := tx.forgetParties(ctx, role, before, limit)
		if err != nil {
			return 0, err
		}
		forgotten += n
	}
	return forgotten, nil
}

func (tx *Tx) forgetParties(ctx context.Context, role masking.Role, before time.Time, limit int) (int, error) {
	gone, err := list(ctx, tx.querier, scanParty(role), "SELECT id, name, number, created_at FROM "+table(role)+` p
		WHERE deleted_at > 0 AND deleted_at < $1 AND NOT EXISTS (SELECT 1 FROM rides WHERE `+column(role)+` = p.id)
		ORDER BY deleted_at LIMIT $2`, ms(before), limit)
	if err != nil {
		return 0, err
	}
	for _, p := range gone {
		if _, err := tx.exec(ctx, "DELETE FROM "+table(role)+" WHERE id = $1", p.ID); err != nil {
			return 0, err
		}
		if err := tx.dropWords(ctx, partyWords(p)); err != nil {
			return 0, err
		}
	}
	return len(gone), nil
}

// Piece is what was looked at to be forgotten.
type Piece struct {
	Last      int64 // id; the next piece begins after it
	Forgotten int
	More      bool // the next may have something, too
}

// ForgetTexts deletes texts of no ride that were made before a time, of the limit oldest after an id.
func (tx *Tx) ForgetTexts(ctx context.Context, before time.Time, after int64, limit int) (Piece, error) {
	return tx.forgetAged(ctx, "messages WHERE ride_id IS NULL AND state NOT IN ('queued', 'sending') AND", forgetTexts, before, after, limit)
}

// ForgetCalls is ForgetTexts for calls, those of rides too.
func (tx *Tx) ForgetCalls(ctx context.Context, before time.Time, after int64, limit int) (Piece, error) {
	return tx.forgetAged(ctx, "calls WHERE", forgetCalls, before, after, limit)
}

// forgetAged goes by ids, in which rows are made. One made later than now was made by a clock that
// was ahead: older ones may be behind it.
func (tx *Tx) forgetAged(ctx context.Context, rows string, forget manyRows, before time.Time, after int64, limit int) (p Piece, err error) {
	var old []int64
	var ahead bool
	p.Last = after
	found, err := list(ctx, tx.querier, func(row scanner) (none struct{}, err error) {
		var created time.Time
		err = row.Scan(&p.Last, at(&created))
		if created.Before(before) {
			old = append(old, p.Last)
		}
		ahead = ahead || created.After(tx.Now)
		return none, err
	}, "SELECT id, created_at FROM "+rows+" id > $1 ORDER BY id LIMIT $2", after, limit)
	if err != nil {
		return p, err
	}
	n, err := execParts(ctx, tx.querier, forget, nil, old, ofID)
	p.Forgotten, p.More = int(n), len(found) == limit && (ahead || len(old) > 0)
	return p, err
}
