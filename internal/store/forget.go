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

var (
	forgetUses = aboutRows(`WITH named (party) AS (VALUES) UPDATE number_uses SET used_at = 0 WHERE party IN (SELECT party FROM named)
		AND used_at > 0 AND NOT live AND used_at < $1`, 1, "TEXT")
	// Of a phone that neither has nor had a number nothing is left.
	forgetPhones = aboutRows(`WITH named (party) AS (VALUES) DELETE FROM number_uses WHERE party IN (SELECT party FROM named)
		AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = number_uses.party AND (u.live OR u.used_at > 0))`, 0, "TEXT")
	forgetWalks = aboutRows(`WITH named (party) AS (VALUES) DELETE FROM pool_walks WHERE party IN (SELECT party FROM named)
		AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = pool_walks.party)`, 0, "TEXT")
)

// ForgetUses forgets which numbers phones had before a time, limit phones at most, and returns how
// many uses: to a choice it is as if there had been none.
func (tx *Tx) ForgetUses(ctx context.Context, before time.Time, limit int) (int, error) {
	scanPhone := func(row scanner) (n masking.Number, err error) { return n, row.Scan(&n) }
	phones, err := list(ctx, tx.querier, scanPhone, `SELECT party FROM number_uses
		WHERE used_at > 0 AND NOT live AND used_at < $1 ORDER BY used_at LIMIT $2`, ms(before), limit)
	if err != nil || len(phones) == 0 {
		return 0, err
	}
	slices.SortFunc(phones, func(a, b masking.Number) int { return cmp.Compare(a.E164(), b.E164()) })
	phones = slices.Compact(phones)
	if err := tx.LockPhones(ctx, phones...); err != nil {
		return 0, err
	}
	ofPhone := func(n masking.Number) []any { return []any{n} }
	uses, err := execParts(ctx, tx.querier, forgetUses, []any{ms(before)}, phones, ofPhone)
	if err != nil {
		return 0, err
	}
	for _, statement := range []manyRows{forgetPhones, forgetWalks} {
		if _, err := execParts(ctx, tx.querier, statement, nil, phones, ofPhone); err != nil {
			return 0, err
		}
	}
	return int(uses), nil
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

// ForgetTexts deletes texts of no ride that were made before a time, and returns how many: some
// of the limit oldest.
func (tx *Tx) ForgetTexts(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := tx.exec(ctx, `DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE ride_id IS NULL ORDER BY id LIMIT $2)
		AND created_at < $1 AND state NOT IN ('queued', 'sending')`, ms(before), limit)
	return int(n), err
}

// ForgetCalls is ForgetTexts for calls, those of rides too.
func (tx *Tx) ForgetCalls(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := tx.exec(ctx, "DELETE FROM calls WHERE id IN (SELECT id FROM calls ORDER BY id LIMIT $2) AND created_at < $1", ms(before), limit)
	return int(n), err
}
