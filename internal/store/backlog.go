package store

import (
	"context"

	"birdcar/internal/masking"
)

// Backlog is how many texts need somebody's eye, or the carrier's.
type Backlog struct {
	Failed   int64 // and were not sent again
	Waiting  int64 // queued, or being sent
	Unrouted int64 // came in, and nobody was there to get them
}

// unanswered leaves out what was sent again: the message that did so has the failed one as its cause.
const unanswered = ` state = 'failed' AND NOT EXISTS (SELECT 1 FROM messages a WHERE a.cause_id = messages.id AND a.kind = messages.kind)`

// Backlog counts what the lists below hold.
func (s *Store) Backlog(ctx context.Context) (b Backlog, err error) {
	err = s.row(ctx, `SELECT (SELECT COUNT(*) FROM messages WHERE`+unanswered+`),
		(SELECT COUNT(*) FROM messages WHERE state IN ('queued', 'sending')),
		(SELECT COUNT(*) FROM messages WHERE state = 'unrouted')`).Scan(&b.Failed, &b.Waiting, &b.Unrouted)
	return b, err
}

// FailedMessages are the messages that failed and were not sent again, newest
// first, of ids below before (0: from the newest), limit at most.
func (r reads) FailedMessages(ctx context.Context, before int64, limit int) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+" FROM messages WHERE"+unanswered+
		" AND id < $1 ORDER BY id DESC LIMIT $2", below(before), limit)
}

// WaitingMessages are the messages that are being sent or will be, those whose
// time comes first before the others, and last what waits behind another message
// to the same person. limit at most.
func (r reads) WaitingMessages(ctx context.Context, limit int) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+` FROM messages
		WHERE state IN ('queued', 'sending') ORDER BY due_at, id LIMIT $1`, limit)
}

// UnroutedTexts are the texts that came in from somebody who has no ride on the
// number they were sent to, as FailedMessages are listed.
func (r reads) UnroutedTexts(ctx context.Context, before int64, limit int) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+` FROM messages
		WHERE state = 'unrouted' AND id < $1 ORDER BY id DESC LIMIT $2`, below(before), limit)
}

// below is the bound of a list's page; 0 is that of the first.
func below(id int64) int64 {
	if id == 0 {
		return 1<<63 - 1
	}
	return id
}
