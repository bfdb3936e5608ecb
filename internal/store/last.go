package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// LastInbound is when a text came in last, among the newest thousand messages;
// zero: none of them came in.
func (r reads) LastInbound(ctx context.Context) (last time.Time, err error) {
	var created sql.NullInt64
	err = r.row(ctx, `SELECT MAX(created_at) FROM (SELECT kind, created_at FROM messages ORDER BY id DESC LIMIT 1000) AS newest
		WHERE kind = 'inbound'`).Scan(&created)
	if created.Valid {
		last = time.UnixMilli(created.Int64)
	}
	return last, err
}

// LastCall is when a call came in last; zero: never.
func (r reads) LastCall(ctx context.Context) (last time.Time, err error) {
	err = r.row(ctx, "SELECT created_at FROM calls ORDER BY id DESC LIMIT 1").Scan(at(&last))
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, err
}
