package store

import (
	"context"

	"birdcar/internal/masking"
)

// Census counts rides and proxy numbers.
type Census struct {
	Open      int
	Lingering int
	Closed    int // so far, forgotten ones too; on PostgreSQL a little more, where ids have gaps
	Pool      map[masking.PoolState]int
	InUse     int // numbers that connect somebody
}

// Census counts at most limit open and lingering rides one by one. What it costs
// does not grow with the rides that are closed.
func (r reads) Census(ctx context.Context, limit int) (c Census, err error) {
	err = r.row(ctx, `SELECT COUNT(CASE WHEN state = 'open' THEN 1 END), COUNT(CASE WHEN state = 'lingering' THEN 1 END)
		FROM (SELECT state FROM rides WHERE state <> 'closed' LIMIT $1) AS live`, limit).Scan(&c.Open, &c.Lingering)
	if err != nil {
		return c, err
	}
	newest, err := r.engine.lastID(ctx, r.querier, "rides")
	if err != nil {
		return c, err
	}
	c.Closed = max(0, int(newest)-c.Open-c.Lingering)
	var available, draining, retired int
	err = r.row(ctx, `SELECT COUNT(CASE WHEN state = 'available' THEN 1 END), COUNT(CASE WHEN state = 'draining' THEN 1 END),
		COUNT(CASE WHEN state = 'retired' THEN 1 END), COUNT(CASE WHEN live_routes > 0 THEN 1 END) FROM proxy_numbers`).
		Scan(&available, &draining, &retired, &c.InUse)
	c.Pool = map[masking.PoolState]int{masking.Available: available, masking.Draining: draining, masking.Retired: retired}
	return c, err
}
