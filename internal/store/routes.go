package store

import (
	"context"

	"birdcar/internal/masking"
)

// Route is the live route of whoever dials number from party, or
// masking.ErrNotFound. There is one at most: the database refuses a second.
func (r reads) Route(ctx context.Context, number, party masking.Number) (masking.Route, error) {
	return scanRoute(number, party, r.row(ctx, `SELECT ride_id, peer, (SELECT number FROM proxy_numbers WHERE id = peer_number_id), released_at
		FROM routes WHERE number_id = (SELECT id FROM proxy_numbers WHERE number = $1) AND party = $2 AND released_at = 0`, number, party))
}

// ReleasedRoute is the route that party had on number last, or masking.ErrNotFound.
func (r reads) ReleasedRoute(ctx context.Context, number, party masking.Number) (masking.Route, error) {
	return scanRoute(number, party, r.row(ctx, `SELECT ride_id, peer, (SELECT number FROM proxy_numbers WHERE id = peer_number_id), released_at
		FROM routes WHERE number_id = (SELECT id FROM proxy_numbers WHERE number = $1) AND party = $2 AND released_at > 0
		ORDER BY released_at DESC LIMIT 1`, number, party))
}

func scanRoute(number, party masking.Number, row scanner) (masking.Route, error) {
	r := masking.Route{Number: number, Party: party}
	err := row.Scan(&r.RideID, &r.Peer, &r.PeerNumber, at(&r.Released))
	return r, found(err)
}

// TellEnded notes that the party of a released route was told that its ride is
// over, and reports whether this was the first time.
func (tx *Tx) TellEnded(ctx context.Context, ride int64, party masking.Number) (first bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE routes SET told_at = $1 WHERE ride_id = $2 AND party = $3 AND released_at > 0 AND told_at = 0",
		ms(tx.Now), ride, party)
	return changed > 0, err
}

// RecordCalls stores calls that came in.
func (tx *Tx) RecordCalls(ctx context.Context, calls []masking.CallRecord) error {
	for _, c := range calls {
		if _, err := tx.exec(ctx, `INSERT INTO calls (ride_id, caller, number, connected_to, outcome, created_at) VALUES ($1, $2, $3, $4, $5, $6)`,
			id(c.RideID), c.From, c.Number, c.To, c.Outcome, ms(c.At)); err != nil {
			return err
		}
	}
	return nil
}

// Calls are a ride's calls in their order.
func (r reads) Calls(ctx context.Context, ride int64) ([]masking.CallRecord, error) {
	return list(ctx, r.querier, func(row scanner) (masking.CallRecord, error) {
		c := masking.CallRecord{RideID: ride}
		err := row.Scan(&c.ID, &c.From, &c.Number, &c.To, &c.Outcome, at(&c.At))
		return c, err
	}, "SELECT id, caller, number, connected_to, outcome, created_at FROM calls WHERE ride_id = $1 ORDER BY id", ride)
}
