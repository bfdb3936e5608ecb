package store

import (
	"context"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// PartyList asks for customers or drivers who meet every term, by name, limit at
// most, beginning after the one with this id; 0: from the start.
type PartyList struct {
	Role  masking.Role
	Terms []masking.Term // only the first few count
	After int64
	Limit int
}

// maxTerms bounds how many different SQL texts there are.
const maxTerms = 4

// ListParties reads part of a list of people, and whether there are more.
func (r reads) ListParties(ctx context.Context, q PartyList) (parties []masking.Party, more bool, err error) {
	var where strings.Builder
	var args []any
	place := func(arg any) string {
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	if q.After > 0 {
		var name string
		err := r.row(ctx, "SELECT LOWER(name) FROM "+table(q.Role)+" WHERE id = $1", q.After).Scan(&name)
		if err != nil {
			return nil, false, found(err)
		}
		where.WriteString(" AND (LOWER(name), id) > (" + place(name) + ", " + place(q.After) + ")")
	}
	begins := func(about, prefix string) string {
		return "SELECT id FROM words WHERE about = " + place(about) + " AND word >= " + place(prefix) + " AND word < " + place(prefix+lastRune)
	}
	for _, term := range q.Terms[:min(len(q.Terms), maxTerms)] {
		var finds []string
		if term.Word != "" {
			finds = append(finds, begins(ofName(q.Role), term.Word))
		}
		for _, ending := range term.Endings {
			finds = append(finds, begins(ofNumber(q.Role), backwards(ending)))
		}
		where.WriteString(" AND id IN (" + strings.Join(finds, " UNION ") + ")")
	}
	parties, err = list(ctx, r.querier, scanParty(q.Role), "SELECT id, name, number, created_at FROM "+table(q.Role)+
		" WHERE deleted_at = 0"+where.String()+" ORDER BY LOWER(name), id LIMIT "+place(q.Limit+1), args...)
	if len(parties) > q.Limit {
		return parties[:q.Limit], true, err
	}
	return parties, false, err
}

// CountParties is how many customers or drivers are on the list, limit at most.
func (r reads) CountParties(ctx context.Context, role masking.Role, limit int) (count int, err error) {
	err = r.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM "+table(role)+" WHERE deleted_at = 0 LIMIT $1) AS counted", limit).Scan(&count)
	return count, err
}

// RidesOf are the newest rides of a customer or driver, newest first, limit at most.
func (r reads) RidesOf(ctx context.Context, role masking.Role, id int64, limit int) ([]masking.Ride, error) {
	return list(ctx, r.querier, scanRide, selectRide+"WHERE r."+column(role)+" = $1 ORDER BY r.id DESC LIMIT $2", id, limit)
}
