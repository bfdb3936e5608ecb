package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"slices"

	"birdcar/internal/masking"
)

// ChooseNumber picks the proxy number for a ride of two parties: of the
// available numbers on which neither has a live route, one that neither ever had,
// else the one whose last use by either is oldest; ties go to the fewest live
// routes, then to the number that rested longest. A number of country first,
// another only when none of it is left. masking.ErrPoolEmpty: none at all.
//
// What it costs grows with neither rides nor numbers. It looks at the numbers with the
// fewest live routes, and mostly one of the first is new to both. When none of many
// is, one of the two has had a good part of the pool, and their list of uses says what is
// left and what is oldest; only then are ties broken by the live routes of the numbers
// looked at, not of all.
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
	looks.chosen(best.number)
	n, err := tx.ProxyNumber(ctx, best.number)
	if err == nil && n.State != masking.Available { // drained or retired since it was looked at
		err = errRaced
	}
	return n, err
}

// looks is how many numbers a choice looks at; a test has it look at fewer, or
// does something between the looks and what follows from them.
var looks = struct {
	few, many int // with the fewest live routes: at first, and at most
	page      int // of a list
	listed    int // written to a list at once
	chosen    func(number int64)
}{2, 32, 16, 50, func(int64) {}}

// candidate is a number that the two parties could get.
type candidate struct {
	number int64
	uses   [2]int64 // when each party last had it; 0: never
	taken  bool     // a party has a live route on it
	live   int64    // routes of anybody
	rested int64    // when anybody last used it
}

// had is when either last used it; 0: never.
func (c candidate) had() int64 { return max(c.uses[0], c.uses[1]) }

func (c candidate) compare(d candidate) int {
	return cmp.Or(cmp.Compare(c.had(), d.had()), cmp.Compare(c.live, d.live),
		cmp.Compare(c.rested, d.rested), cmp.Compare(c.number, d.number))
}

// bestOf is the best candidate that is not taken, or masking.ErrPoolEmpty.
func bestOf(candidates []candidate) (candidate, error) {
	free := slices.DeleteFunc(slices.Clone(candidates), func(c candidate) bool { return c.taken })
	if len(free) == 0 {
		return candidate{}, masking.ErrPoolEmpty
	}
	return slices.MinFunc(free, candidate.compare), nil
}

const candidateColumns = `n.id, n.live_routes, n.used_at, COALESCE(u.used_at, 0), COALESCE(u.live, FALSE), COALESCE(v.used_at, 0), COALESCE(v.live, FALSE)`

func scanCandidate(row scanner) (candidate, error) {
	var c candidate
	var taken [2]bool
	err := row.Scan(&c.number, &c.live, &c.rested, &c.uses[0], &taken[0], &c.uses[1], &taken[1])
	c.taken = taken[0] || taken[1]
	return c, err
}

// chooseIn is the best choice of one country, or masking.ErrPoolEmpty.
func (tx *Tx) chooseIn(ctx context.Context, a, b masking.Number, country string) (candidate, error) {
	var near []candidate
	for limit := looks.few; ; limit = min(4*limit, looks.many) {
		var err error
		near, err = list(ctx, tx.querier, scanCandidate, "SELECT "+candidateColumns+` FROM proxy_numbers n
			LEFT JOIN number_uses u ON u.party = $1 AND u.number_id = n.id LEFT JOIN number_uses v ON v.party = $2 AND v.number_id = n.id
			WHERE n.state = 'available' AND n.country = $3 ORDER BY n.live_routes, n.used_at, n.id LIMIT $4`, a, b, country, limit)
		if err != nil {
			return candidate{}, err
		}
		best, err := bestOf(near)
		if err == nil && best.had() == 0 || len(near) < limit {
			return best, err
		}
		if limit == looks.many {
			break
		}
	}
	var had [2]int
	for _, c := range near {
		for party, use := range c.uses {
			if use > 0 {
				had[party]++
			}
		}
	}
	if had[0] < had[1] {
		a, b = b, a
	}
	return tx.chooseFromList(ctx, a, b, country)
}

// chooseAbroad is the best choice of all countries but home.
func (tx *Tx) chooseAbroad(ctx context.Context, a, b masking.Number, home string) (candidate, error) {
	var best []candidate
	country := ""
	for {
		var next sql.NullString
		if err := tx.row(ctx, "SELECT MIN(country) FROM proxy_numbers WHERE state = 'available' AND country > $1", country).Scan(&next); err != nil {
			return candidate{}, err
		} else if !next.Valid {
			return bestOf(best)
		}
		if country = next.String; country == home {
			continue
		}
		c, err := tx.chooseIn(ctx, a, b, country)
		if err == nil {
			best = append(best, c)
		} else if !errors.Is(err, masking.ErrPoolEmpty) {
			return candidate{}, err
		}
	}
}

// chooseFromList is the best choice that the list of one party's uses shows, once
// it is long enough to show a number new to both, or all there are.
func (tx *Tx) chooseFromList(ctx context.Context, party, other masking.Number, country string) (candidate, error) {
	for {
		best, err := tx.leastRecent(ctx, party, other, country)
		if err != nil && !errors.Is(err, masking.ErrPoolEmpty) || err == nil && best.had() == 0 {
			return best, err
		}
		if added, extendErr := tx.extendList(ctx, party, country); extendErr != nil {
			return candidate{}, extendErr
		} else if added == 0 {
			return best, err
		}
	}
}

// leastRecent is the number on a party's list whose last use by either is oldest.
// The list is in the order of the party's own uses, so that no number further down
// than the best so far can be better.
func (tx *Tx) leastRecent(ctx context.Context, party, other masking.Number, country string) (candidate, error) {
	var seen []candidate
	last := candidate{number: -1, uses: [2]int64{-1}}
	for {
		page, err := list(ctx, tx.querier, scanCandidate, "SELECT "+candidateColumns+` FROM number_uses u
			JOIN proxy_numbers n ON n.id = u.number_id LEFT JOIN number_uses v ON v.party = $1 AND v.number_id = u.number_id
			WHERE u.party = $2 AND u.country = $3 AND u.assignable AND NOT u.live AND n.state = 'available' AND (u.used_at, u.number_id) > ($4, $5)
			ORDER BY u.used_at, u.number_id LIMIT $6`, other, party, country, last.uses[0], last.number, looks.page)
		if err != nil {
			return candidate{}, err
		}
		best, err := bestOf(append(seen, page...))
		if len(page) < looks.page {
			return best, err
		}
		last = page[len(page)-1]
		if err == nil {
			if best.had() == 0 || best.had() < last.uses[0] {
				return best, nil
			}
			seen = []candidate{best}
		}
	}
}

// extendList writes the next available numbers that a party never had to its
// list, in the order in which they became available, and returns how many: 0 when
// the list names all of them. Each has had a ride: one that had none is new to
// everybody and first among those looked at, so lists are not asked while there is one.
func (tx *Tx) extendList(ctx context.Context, party masking.Number, country string) (added int, err error) {
	var newest, listed int64
	err = tx.row(ctx, `SELECT COALESCE((SELECT MAX(available_seq) FROM proxy_numbers WHERE state = 'available' AND country = $1), 0),
		COALESCE((SELECT available_seq FROM pool_walks WHERE party = $2 AND country = $1), 0)`, country, party).Scan(&newest, &listed)
	if err != nil || listed >= newest {
		return 0, err
	}
	type place struct{ number, seq int64 }
	next, err := list(ctx, tx.querier, func(row scanner) (p place, err error) {
		return p, row.Scan(&p.number, &p.seq)
	}, `SELECT n.id, n.available_seq FROM proxy_numbers n WHERE n.state = 'available' AND n.country = $1 AND n.available_seq > $2
		AND NOT EXISTS (SELECT 1 FROM number_uses u WHERE u.party = $3 AND u.number_id = n.id)
		ORDER BY n.available_seq LIMIT $4`, country, listed, party, looks.listed)
	if err != nil {
		return 0, err
	}
	if listed = newest; len(next) == looks.listed {
		listed = next[len(next)-1].seq
	}
	err = bulk(ctx, tx, "number_uses (party, number_id, country, assignable, live, used_at)", "", next, func(p place) []any {
		return []any{party, p.number, country, true, false, 0}
	})
	if err != nil {
		return 0, err
	}
	_, err = tx.exec(ctx, `INSERT INTO pool_walks (party, country, available_seq) VALUES ($1, $2, $3)
		ON CONFLICT (party, country) DO UPDATE SET available_seq = excluded.available_seq`, party, country, listed)
	return len(next), err
}
