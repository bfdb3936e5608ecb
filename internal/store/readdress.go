package store

import (
	"context"

	"birdcar/internal/masking"
)

// Readdress sends what waits for a party of rides to another phone, and returns
// the numbers it comes from: in both phones' lanes from these, whoever is first now has to be
// woken. masking.ErrConflict: something is being sent to the old phone right now.
func (tx *Tx) Readdress(ctx context.Context, party masking.Party, to masking.Number) (from []masking.Number, err error) {
	waiting, err := list(ctx, tx.querier, scanWaiting, `SELECT m.id, m.originator FROM messages m JOIN rides r ON r.id = m.ride_id
		WHERE m.recipient = $1 AND m.state IN ('queued', 'sending') AND r.`+column(party.Role)+` = $2`, party.Number, party.ID)
	if err != nil {
		return nil, err
	}
	seen := map[masking.Number]bool{}
	for _, w := range waiting {
		changed, err := tx.exec(ctx, "UPDATE messages SET recipient = $1, due_at = $2 WHERE id = $3 AND state = 'queued'", to, parked, w.id)
		if err != nil {
			return nil, err
		} else if changed == 0 {
			return nil, masking.ErrConflict
		}
		if !seen[w.from] {
			seen[w.from] = true
			from = append(from, w.from)
		}
	}
	return from, nil
}

type waiting struct {
	id   int64
	from masking.Number
}

func scanWaiting(row scanner) (waiting, error) {
	var w waiting
	err := row.Scan(&w.id, &w.from)
	return w, err
}
