package store

import (
	"context"
	"time"

	"birdcar/internal/masking"
)

// PoolUse is how much of the pool is in use now. It reads every number of the
// pool and no ride.
func (r reads) PoolUse(ctx context.Context) (u masking.PoolUse, err error) {
	err = r.row(ctx, `SELECT COUNT(*), COUNT(CASE WHEN state = 'available' THEN 1 END),
		COUNT(CASE WHEN state = 'available' AND live_routes > 0 THEN 1 END) FROM proxy_numbers`).
		Scan(&u.Numbers, &u.Available, &u.InUse)
	return u, err
}

// NotePoolDay keeps the busiest moment of a day.
func (tx *Tx) NotePoolDay(ctx context.Context, day time.Time, u masking.PoolUse) error {
	_, err := tx.exec(ctx, `INSERT INTO pool_days (day, in_use, available) VALUES ($1, $2, $3)
		ON CONFLICT (day) DO UPDATE SET in_use = excluded.in_use, available = excluded.available
		WHERE excluded.in_use > pool_days.in_use OR excluded.available <> pool_days.available AND excluded.in_use = pool_days.in_use`,
		dayNumber(day), u.InUse, u.Available)
	return err
}

// PoolDays are the busiest moments of the days since a day, oldest first.
func (r reads) PoolDays(ctx context.Context, since time.Time) ([]masking.PoolDay, error) {
	return list(ctx, r.querier, func(row scanner) (d masking.PoolDay, err error) {
		var day int
		err = row.Scan(&day, &d.InUse, &d.Available)
		d.Day = dayOf(day)
		return d, err
	}, "SELECT day, in_use, available FROM pool_days WHERE day >= $1 ORDER BY day", dayNumber(since))
}

// dayNumber is a date as the database keeps it: 20261121.
func dayNumber(t time.Time) int {
	year, month, day := t.Date()
	return year*10000 + int(month)*100 + day
}

// dayOf is the midnight UTC of a dayNumber.
func dayOf(n int) time.Time {
	return time.Date(n/10000, time.Month(n/100%100), n%100, 0, 0, 0, 0, time.UTC)
}
