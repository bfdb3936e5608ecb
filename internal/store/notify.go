package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// channel is what notices between the processes on one PostgreSQL database go through.
const channel = "birdcar"

// MaxNotice is the longest notice, in bytes: PostgreSQL's limit.
const MaxNotice = 7999

// Shared reports whether other processes may be at work on the same database.
func (s *Store) Shared() bool { return s.engine.shared }

// Notify sends a notice to all who Listen on this database, the caller's own
// process included. It is kept nowhere: who does not listen now never gets it.
// It does nothing with SQLite, whose one process needs no notice.
func (s *Store) Notify(ctx context.Context, notice string) error {
	if !s.engine.shared {
		return nil
	}
	ctx, cancel := s.engine.bounded(ctx, readPatience)
	defer cancel()
	_, err := s.read.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, notice)
	return err
}

// Listen calls heard with each notice, until ctx ends, and with an empty one each
// time it begins: what was sent before that is missed. When the connection is lost it
// tells lost why and connects again. It returns at once with SQLite.
func (s *Store) Listen(ctx context.Context, heard func(notice string), lost func(error)) {
	if !s.engine.shared {
		return
	}
	for ctx.Err() == nil {
		err := s.listen(ctx, heard)
		if ctx.Err() != nil {
			return
		}
		lost(err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (s *Store) listen(ctx context.Context, heard func(string)) error {
	conn, err := pgx.ConnectConfig(ctx, s.postgres.Copy())
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
		return err
	}
	heard("")
	for {
		// A server that vanished says nothing, like one that has nothing to say.
		quiet, cancel := context.WithTimeout(ctx, 30*time.Second)
		notice, err := conn.WaitForNotification(quiet)
		cancel()
		switch {
		case err == nil:
			heard(notice.Payload)
		case quiet.Err() == nil || ctx.Err() != nil || conn.IsClosed():
			return err
		default:
			if err := ping(ctx, conn); err != nil {
				return err
			}
		}
	}
}

func ping(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	return conn.Ping(ctx)
}
