package store

import (
	"context"
	"slices"

	"birdcar/internal/masking"
)

// Readdress sends what waits for a party of rides to another phone, and returns
// the numbers it comes from: in both phones' lanes from these, which are locked, whoever is
// first now has to be woken. masking.ErrConflict: something is being sent to the old phone right
// now, or perhaps was: the carrier knows it by the phone it went to.
func (tx *Tx) Readdress(ctx context.Context, party masking.Party, to masking.Number) (from []masking.Number, err error) {
	waiting, from, err := tx.waitingFor(ctx, party)
	if err != nil || len(waiting) == 0 {
		return nil, err
	}
	var lanes []string
	for _, proxy := range from {
		lanes = append(lanes, lane(proxy, party.Number), lane(proxy, to))
	}
	if err := tx.Lock(ctx, lanes...); err != nil {
		return nil, err
	}
	// Some may have left, or come, until the lanes were ours.
	waiting, still, err := tx.waitingFor(ctx, party)
	if err != nil {
		return nil, err
	} else if slices.ContainsFunc(still, func(proxy masking.Number) bool { return !slices.Contains(from, proxy) }) {
		return nil, errRaced
	}
	for _, id := range waiting {
		changed, err := tx.exec(ctx, "UPDATE messages SET recipient = $1, due_at = $2 WHERE id = $3 AND state = 'queued' AND uncertain_at = 0", to, parked, id)
		if err != nil {
			return nil, err
		} else if changed == 0 {
			return nil, masking.ErrConflict
		}
	}
	return from, nil
}

// waitingFor are the ids of what waits for a party of rides, and the numbers that it comes from.
func (tx *Tx) waitingFor(ctx context.Context, party masking.Party) (ids []int64, from []masking.Number, err error) {
	_, err = list(ctx, tx.querier, func(row scanner) (none struct{}, err error) {
		var id int64
		var proxy masking.Number
		if err := row.Scan(&id, &proxy); err != nil {
			return none, err
		}
		ids = append(ids, id)
		if !slices.Contains(from, proxy) {
			from = append(from, proxy)
		}
		return none, nil
	}, `SELECT m.id, m.originator FROM messages m JOIN rides r ON r.id = m.ride_id
		WHERE m.recipient = $1 AND m.state IN ('queued', 'sending') AND r.`+column(party.Role)+` = $2`, party.Number, party.ID)
	return ids, from, err
}
