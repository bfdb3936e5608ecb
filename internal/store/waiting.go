package store

import (
	"context"
	"database/sql"
	"time"

	"birdcar/internal/masking"
)

// Waiting counts the texts that are being sent or will be, limit at most: those
// whose time comes first, among which the longest waiting is but for short delays.
func (s *Store) Waiting(ctx context.Context, limit int) (w masking.Waiting, err error) {
	var oldest sql.NullInt64
	err = s.row(ctx, `SELECT COUNT(*), MIN(created_at) FROM (SELECT created_at FROM messages
		WHERE state IN ('queued', 'sending') ORDER BY due_at LIMIT $1) AS first`, limit+1).Scan(&w.Texts, &oldest)
	if oldest.Valid {
		w.Oldest = time.UnixMilli(oldest.Int64)
	}
	if w.Texts > limit {
		w.Texts, w.More = limit, true
	}
	return w, err
}

// Attention counts the texts that failed and were not sent again, and those that
// came from nobody with a ride, limit of each at most.
func (s *Store) Attention(ctx context.Context, limit int) (failed, unrouted int, err error) {
	err = s.row(ctx, `SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE`+unanswered+` LIMIT $1) AS failed),
		(SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE state = 'unrouted' LIMIT $1) AS unrouted)`, limit).Scan(&failed, &unrouted)
	return failed, unrouted, err
}
