package store

import (
	"context"

	"birdcar/internal/masking"
)

// NumberList asks for numbers of the pool in the order it was filled, limit at
// most, beginning after the one with this id; 0: from the start.
type NumberList struct {
	State masking.PoolState // empty: any
	Terms []masking.Term    // each is met by the number's last digits; only the first few count
	After int64
	Limit int
}

// ListNumbers reads part of the pool, and whether there is more.
func (r reads) ListNumbers(ctx context.Context, q NumberList) (numbers []masking.ProxyNumber, more bool, err error) {
	var args arguments
	where := "id > " + args.add(q.After)
	if q.State != "" {
		where += " AND state = " + args.add(q.State)
	}
	where += args.meeting(q.Terms, "", ofProxyNumber)
	numbers, err = list(ctx, r.querier, scanProxy, "SELECT "+proxyColumns+" FROM proxy_numbers WHERE "+where+
		" ORDER BY id LIMIT "+args.add(q.Limit+1), args...)
	if len(numbers) > q.Limit {
		return numbers[:q.Limit], true, err
	}
	return numbers, false, err
}

// RidesOn are the newest rides that a number connects, newest first, limit at most.
func (r reads) RidesOn(ctx context.Context, number int64, limit int) ([]masking.Ride, error) {
	return list(ctx, r.querier, scanRide, selectRide+`WHERE r.id IN (SELECT ride_id FROM routes WHERE number_id = $1 AND released_at = 0)
		ORDER BY r.id DESC LIMIT $2`, number, limit)
}
