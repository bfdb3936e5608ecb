package store

import (
	"context"

	"birdcar/internal/masking"
)

// Setting is the value kept under name; the first caller's fallback is kept when
// there is none.
func (s *Store) Setting(ctx context.Context, name, fallback string) (value string, err error) {
	err = s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		value, err = setting(ctx, tx.querier, name, fallback)
		return err
	})
	return value, err
}

func setting(ctx context.Context, q querier, name, fallback string) (value string, err error) {
	if _, err := q.exec(ctx, "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, fallback); err != nil {
		return "", err
	}
	err = q.row(ctx, "SELECT value FROM settings WHERE name = $1", name).Scan(&value)
	return value, err
}

// UseSignature notes that the carrier's signature id let something in, until it
// expires. masking.ErrConflict: it did already.
func (tx *Tx) UseSignature(ctx context.Context, id string, expires int64) error {
	fresh, err := tx.exec(ctx, "INSERT INTO signatures (id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", id, expires)
	if err == nil && fresh == 0 {
		return masking.ErrConflict
	}
	return err
}
