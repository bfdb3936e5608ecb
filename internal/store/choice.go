package store

import (
	"context"
	"database/sql"
	"errors"

	"birdcar/internal/masking"
)

// ChooseNumber picks the proxy number for a ride of two parties: of the
// available numbers on which neither has a live route, one that neither ever had,
// else the one whose last use by either is oldest; ties go to the fewest live
// routes, then to the number that rested longest. A number of country first,
// another only when none of it is left. masking.ErrPoolEmpty: none at all.
//
// It never looks at a ride, and at a number mostly once: the unused ones are
// read in the order of choice, and a party that has had every number of a country is not
// taken through them again (pool_walks) until another one becomes available there.
func (tx *Tx) ChooseNumber(ctx context.Context, a, b masking.Number, country string) (masking.ProxyNumber, error) {
	if err := tx.LockPhones(ctx, a, b); err != nil {
		return masking.ProxyNumber{}, err
	}
	best, err := tx.chooseIn(ctx, a, b, country)
	if errors.Is(err, masking.ErrPoolEmpty) {
		best, err = tx.chooseAbroad(ctx, a, b, country)
	}
	if err != nil {
		return masking.ProxyNumber{}, err
	}
	return tx.ProxyNumber(ctx, best.number)
}

// candidate is a number that the two parties could get.
type candidate struct {
	number int64
	had    int64 // when either last used it; 0: never
	live   int64
	rested int64 // when anybody last used it
}

func (c candidate) before(d candidate) bool {
	switch {
	case c.had != d.had:
		return c.had < d.had
	case c.live != d.live:
		return c.live < d.live
	case c.rested != d.rested:
		return c.rested < d.rested
	}
	return c.number < d.number
}

// chooseIn is the best choice of one country.
func (tx *Tx) chooseIn(ctx context.Context, a, b masking.Number, country string) (candidate, error) {
	var newest sql.NullInt64
	err := tx.row(ctx, "SELECT MAX(available_seq) FROM proxy_numbers WHERE state = 'available' AND country = $1", country).Scan(&newest)
	if err != nil {
		return candidate{}, err
	} else if !newest.Valid {
		return candidate{}, masking.ErrPoolEmpty
	}
	const walked = "SELECT party FROM pool_walks WHERE party IN ($1, $2) AND country = $3 AND available_seq >= $4"
	hadAll, err := list(ctx, tx.querier, scanNumber, walked, a, b, country, newest.Int64)
	if err != nil {
		return candidate{}, err
	}
	if len(hadAll) == 0 {
		c, err := tx.neverUsed(ctx, a, b, country)
		if !errors.Is(err, sql.ErrNoRows) {
			return c, err
		}
		for _, party := range []masking.Number{a, b} {
			if all, err := tx.noteWalk(ctx, party, country, newest.Int64); err != nil {
				return candidate{}, err
			} else if all {
				hadAll = append(hadAll, party)
			}
		}
	}
	switch { // every number is on the list of one who had all
	case len(hadAll) == 0:
		return tx.leastRecent(ctx, country, [2]masking.Number{a, b}, [2]masking.Number{b, a})
	case hadAll[0] == a:
		return tx.leastRecent(ctx, country, [2]masking.Number{a, b})
	}
	return tx.leastRecent(ctx, country, [2]masking.Number{b, a})
}

// chooseAbroad is the best choice of all countries but home.
func (tx *Tx) chooseAbroad(ctx context.Context, a, b masking.Number, home string) (candidate, error) {
	best, result := candidate{}, error(masking.ErrPoolEmpty)
	country := ""
	for {
		var next sql.NullString
		if err := tx.row(ctx, "SELECT MIN(country) FROM proxy_numbers WHERE state = 'available' AND country > $1", country).Scan(&next); err != nil {
			return best, err
		} else if !next.Valid {
			return best, result
		}
		if country = next.String; country == home {
			continue
		}
		c, cErr := tx.chooseIn(ctx, a, b, country)
		switch {
		case errors.Is(cErr, masking.ErrPoolEmpty):
		case cErr != nil:
			return best, cErr
		case result != nil || c.before(best):
			best, result = c, nil
		}
	}
}

// neverUsed is the number of country that neither party ever had and that has
// the fewest live routes, or sql.ErrNoRows.
func (tx *Tx) neverUsed(ctx context.Context, a, b masking.Number, country string) (c candidate, err error) {
	err = tx.row(ctx, `SELECT n.id, n.live_routes, n.used_at FROM proxy_numbers n
		WHERE n.state = 'available' AND n.country = $1
		AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = $2 AND u.number_id = n.id)
		AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = $3 AND u.number_id = n.id)
		ORDER BY n.live_routes, n.used_at, n.id LIMIT 1`, country, a, b).Scan(&c.number, &c.live, &c.rested)
	return c, err
}

// noteWalk keeps that a party has had every available number of country, if so.
func (tx *Tx) noteWalk(ctx context.Context, party masking.Number, country string, newest int64) (hadAll bool, err error) {
	changed, err := tx.exec(ctx, `INSERT INTO pool_walks (party, country, available_seq) SELECT $1, $2, $3
		WHERE NOT EXISTS (SELECT 1 FROM proxy_numbers n WHERE n.state = 'available' AND n.country = $2
			AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = $1 AND u.number_id = n.id))
		ON CONFLICT (party, country) DO UPDATE SET available_seq = excluded.available_seq`, party, country, newest)
	return changed > 0, err
}

// leastRecent is the number of country that both parties could get again whose
// last use by either is oldest. Each pair names whose list is read, and the other
// party. Every number is on one of the lists, oldest use first, and none further down
// a list than the best so far can be better.
func (tx *Tx) leastRecent(ctx context.Context, country string, pairs ...[2]masking.Number) (candidate, error) {
	best, found := candidate{}, false
	for _, pair := range pairs {
		const page = 16
		usedAt, number := int64(-1), int64(-1)
		for more := true; more; {
			uses, err := list(ctx, tx.querier, scanUse, `SELECT u.number_id, u.used_at, COALESCE(v.used_at, 0), COALESCE(v.live, FALSE), n.live_routes, n.used_at
				FROM number_uses u JOIN proxy_numbers n ON n.id = u.number_id
				LEFT JOIN number_uses v ON v.party = $1 AND v.number_id = u.number_id
				WHERE u.party = $2 AND u.country = $3 AND u.assignable AND NOT u.live AND n.state = 'available' AND (u.used_at, u.number_id) > ($4, $5)
				ORDER BY u.used_at, u.number_id LIMIT $6`, pair[1], pair[0], country, usedAt, number, page)
			if err != nil {
				return candidate{}, err
			}
			more = len(uses) == page
			for _, u := range uses {
				usedAt, number = u.usedAt, u.number
				if found && u.usedAt > best.had {
					more = false
					break
				}
				if !u.peerLive && (!found || u.candidate.before(best)) {
					best, found = u.candidate, true
				}
			}
		}
	}
	if !found {
		return candidate{}, masking.ErrPoolEmpty
	}
	return best, nil
}

// use is a number on a party's list, with what the other party has to do with it.
type use struct {
	candidate
	usedAt   int64
	peerLive bool
}

func scanUse(row scanner) (use, error) {
	var u use
	var peerUsedAt int64
	err := row.Scan(&u.number, &u.usedAt, &peerUsedAt, &u.peerLive, &u.live, &u.rested)
	u.had = max(u.usedAt, peerUsedAt)
	return u, err
}

func scanNumber(row scanner) (masking.Number, error) {
	var n masking.Number
	err := row.Scan(&n)
	return n, err
}
