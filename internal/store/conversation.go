package store

import (
	"cmp"
	"context"
	"slices"

	"birdcar/internal/masking"
)

// RideTexts are a ride's texts of ids below before (0: from the newest), newest
// first, limit at most.
func (r reads) RideTexts(ctx context.Context, ride, before int64, limit int) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+` FROM messages
		WHERE ride_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, ride, below(before), limit)
}

// RideCalls are a ride's calls, as RideTexts are its texts.
func (r reads) RideCalls(ctx context.Context, ride, before int64, limit int) ([]masking.CallRecord, error) {
	return list(ctx, r.querier, func(row scanner) (masking.CallRecord, error) {
		c := masking.CallRecord{RideID: ride}
		err := row.Scan(&c.ID, &c.From, &c.Number, &c.To, &c.Outcome, at(&c.At))
		return c, err
	}, `SELECT id, caller, number, connected_to, outcome, created_at FROM calls
		WHERE ride_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, ride, below(before), limit)
}

// Caused are the messages that were made because of one: its parts for the other
// party, answers, and what sent it again.
func (r reads) Caused(ctx context.Context, message int64) ([]masking.Message, error) {
	messages, err := list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+" FROM messages WHERE cause_id = $1", message)
	slices.SortFunc(messages, func(a, b masking.Message) int { return cmp.Compare(a.ID, b.ID) })
	return messages, err
}
