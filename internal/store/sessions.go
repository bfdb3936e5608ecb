package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/alexedwards/scs/v2"
)

// Sessions keeps the admin's sessions for scs: a token's hash, opaque data, and
// when it expires. A commit changes a session that is there; one that was ended meanwhile, by
// another request, stays so.
func (s *Store) Sessions() scs.CtxStore {
	return sessions{s, "UPDATE sessions SET data = $2, expires_at = $3 WHERE token = $1"}
}

// NewSessions is Sessions whose commit begins one.
func (s *Store) NewSessions() scs.CtxStore {
	return sessions{s, "INSERT INTO sessions (token, data, expires_at) VALUES ($1, $2, $3)"}
}

type sessions struct {
	s      *Store
	commit string
}

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
		_, err := tx.exec(ctx, t.commit, token, data, ms(expiry))
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
