package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Sessions keeps the admin's sessions for scs: a token's hash, opaque data, and
// when it expires.
func (s *Store) Sessions() scs.CtxStore { return sessions{s} }

type sessions struct{ s *Store }

var _ scs.CtxStore = sessions{}

func (t sessions) FindCtx(ctx context.Context, token string) (data []byte, ok bool, err error) {
	err = t.s.row(ctx, "SELECT data FROM sessions WHERE token = $1 AND expires_at > $2", token, ms(t.s.now())).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return data, err == nil, err
}

func (t sessions) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	return t.s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, `INSERT INTO sessions (token, data, expires_at) VALUES ($1, $2, $3)
			ON CONFLICT (token) DO UPDATE SET data = excluded.data, expires_at = excluded.expires_at`, token, data, ms(expiry))
		return err
	})
}

func (t sessions) DeleteCtx(ctx context.Context, token string) error {
	return t.s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, "DELETE FROM sessions WHERE token = $1", token)
		return err
	})
}

// Find, Commit and Delete complete scs.Store; scs calls the ones with a context.
func (t sessions) Find(token string) ([]byte, bool, error) {
	return t.FindCtx(context.Background(), token)
}

func (t sessions) Commit(token string, data []byte, expiry time.Time) error {
	return t.CommitCtx(context.Background(), token, data, expiry)
}

func (t sessions) Delete(token string) error { return t.DeleteCtx(context.Background(), token) }

// SignOutAll ends every session.
func (s *Store) SignOutAll(ctx context.Context) error {
	return s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.exec(ctx, "DELETE FROM sessions")
		return err
	})
}

// DropExpired deletes the sessions and signatures whose time is over.
func (tx *Tx) DropExpired(ctx context.Context) error {
	if _, err := tx.exec(ctx, "DELETE FROM sessions WHERE expires_at <= $1", ms(tx.Now)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, "DELETE FROM signatures WHERE expires_at <= $1", ms(tx.Now))
	return err
}
