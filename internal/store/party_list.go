package store

import (
	"context"

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

// ListParties reads part of a list of people, and whether there are more.
func (r reads) ListParties(ctx context.Context, q PartyList) (parties []masking.Party, more bool, err error) {
	var args arguments
	where := ""
	if q.After > 0 {
		var name string
		err := r.row(ctx, "SELECT LOWER(name) FROM "+table(q.Role)+" WHERE id = $1", q.After).Scan(&name)
		if err != nil {
			return nil, false, found(err)
		}
		where = " AND (LOWER(name), id) > (" + args.add(name) + ", " + args.add(q.After) + ")"
	}
	where += args.meeting(q.Terms, ofName(q.Role), ofNumber(q.Role))
	parties, err = list(ctx, r.querier, scanParty(q.Role), "SELECT id, name, number, created_at FROM "+table(q.Role)+
		" WHERE deleted_at = 0"+where+" ORDER BY LOWER(name), id LIMIT "+args.add(q.Limit+1), args...)
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
