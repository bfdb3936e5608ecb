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

// rideLive keeps to messages of rides whose number still connects their people.
const rideLive = ` EXISTS (SELECT 1 FROM rides WHERE rides.id = messages.ride_id AND rides.state <> 'closed')`

// FailedOfLive are the ids of those among FailedMessages whose ride is not closed.
func (r reads) FailedOfLive(ctx context.Context, before int64, limit int) ([]int64, error) {
	return list(ctx, r.querier, scanID, "SELECT id FROM (SELECT id, ride_id FROM messages WHERE"+unanswered+
		" AND id < $1 ORDER BY id DESC LIMIT $2) AS messages WHERE"+rideLive, below(before), limit)
}

// CountFailedOfLive counts all messages that failed, were not sent again and are of a ride that
// is not closed, limit at most.
func (r reads) CountFailedOfLive(ctx context.Context, limit int) (count int, err error) {
	err = r.row(ctx, "SELECT COUNT(*) FROM (SELECT 1 FROM messages WHERE"+unanswered+" AND"+rideLive+" LIMIT $1) AS failed", limit).Scan(&count)
	return count, err
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
