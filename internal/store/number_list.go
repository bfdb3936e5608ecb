package store

import (
	"context"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// NumberList asks for numbers of the pool in the order it was filled, limit at
// most, beginning after the one with this id; 0: from the start.
type NumberList struct {
	State   masking.PoolState // empty: any
	Endings []string          // one of which its digits end in; empty: any
	After   int64
	Limit   int
}

// ListNumbers reads part of the pool, and whether there is more.
func (r reads) ListNumbers(ctx context.Context, q NumberList) (numbers []masking.ProxyNumber, more bool, err error) {
	var where strings.Builder
	var args []any
	place := func(arg any) string {
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	where.WriteString("id > " + place(q.After))
	if q.State != "" {
		where.WriteString(" AND state = " + place(q.State))
	}
	var finds []string
	for _, ending := range q.Endings {
		prefix := backwards(ending)
		finds = append(finds, "SELECT id FROM words WHERE about = "+place(ofProxyNumber)+" AND word >= "+place(prefix)+" AND word < "+place(prefix+lastRune))
	}
	if len(finds) > 0 {
		where.WriteString(" AND id IN (" + strings.Join(finds, " UNION ") + ")")
	}
	numbers, err = list(ctx, r.querier, scanProxy, "SELECT "+proxyColumns+" FROM proxy_numbers WHERE "+where.String()+
		" ORDER BY id LIMIT "+place(q.Limit+1), args...)
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
