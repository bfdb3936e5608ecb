package store

import (
	"context"
	"database/sql"

	"birdcar/internal/masking"
)

// Census counts rides and proxy numbers.
type Census struct {
	Open      int
	Lingering int
	Closed    int // so far; on PostgreSQL a little more, where ids have gaps
	Pool      map[masking.PoolState]int
	InUse     int // numbers that connect somebody
}

// Census counts at most limit open and lingering rides one by one. What it costs
// does not grow with the rides that are closed.
func (r reads) Census(ctx context.Context, limit int) (c Census, err error) {
	var newest sql.NullInt64
	err = r.row(ctx, `SELECT COUNT(CASE WHEN state = 'open' THEN 1 END), COUNT(CASE WHEN state = 'lingering' THEN 1 END), (SELECT MAX(id) FROM rides)
		FROM (SELECT state FROM rides WHERE state <> 'closed' LIMIT $1) AS live`, limit).Scan(&c.Open, &c.Lingering, &newest)
	if err != nil {
		return c, err
	}
	c.Closed = max(0, int(newest.Int64)-c.Open-c.Lingering)
	var available, draining, retired int
	err = r.row(ctx, `SELECT COUNT(CASE WHEN state = 'available' THEN 1 END), COUNT(CASE WHEN state = 'draining' THEN 1 END),
		COUNT(CASE WHEN state = 'retired' THEN 1 END), COUNT(CASE WHEN live_routes > 0 THEN 1 END) FROM proxy_numbers`).
		Scan(&available, &draining, &retired, &c.InUse)
	c.Pool = map[masking.PoolState]int{masking.Available: available, masking.Draining: draining, masking.Retired: retired}
	return c, err
}
