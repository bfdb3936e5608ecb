package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"birdcar/internal/masking"
)

// rideRows are two forms of a WITH clause that makes of_ride: the ids of ride $1's rows of a table
// below $2, in no order. PostgreSQL has an index by ride. SQLite's is by parts of 1,024 ids: the
// parts of the ride's time are looked into one after the other, an order that CROSS JOIN keeps.
// What that needs is kept with PostgreSQL too: a database may be copied back.
type rideRows struct{ indexed, parted string }

func ofRide(table, after, last string) rideRows {
	return rideRows{`WITH of_ride (id) AS MATERIALIZED (SELECT id FROM ` + table + ` WHERE ride_id = $1 AND id < $2)
	`, `WITH RECURSIVE
	life (first, last) AS (SELECT ` + after + ` / 1024, ` + last + ` / 1024 FROM rides WHERE id = $1),
	part (n, first) AS (SELECT CASE WHEN last > CAST($2 AS BIGINT) / 1024 THEN CAST($2 AS BIGINT) / 1024 ELSE last END, first FROM life
		UNION ALL SELECT n - 1, first FROM part WHERE n > first),
	of_ride (id) AS MATERIALIZED (SELECT t.id FROM part CROSS JOIN ` + table + ` t WHERE t.id / 1024 = part.n AND t.ride_id = $1 AND t.id < $2)
	`}
}

// of is a query that rows begin.
func (q querier) of(rows rideRows, query string) string {
	if q.engine.parted {
		return rows.parted + query
	}
	return rows.indexed + query
}

const newestOfRide = "(SELECT id FROM of_ride ORDER BY id DESC LIMIT $3) ORDER BY id DESC"

var (
	textsOfRide = ofRide("messages", "texts_after", "CASE texts_until WHEN 0 THEN (SELECT COALESCE(MAX(id), 0) FROM messages) ELSE texts_until END")
	callsOfRide = ofRide("calls", "calls_after", "(SELECT COALESCE(MAX(id), 0) FROM calls)")
)

// RideTexts are a ride's texts of ids below before (0: from the newest), newest
// first, limit at most.
func (r reads) RideTexts(ctx context.Context, ride, before int64, limit int) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage,
		r.of(textsOfRide, "SELECT "+messageColumns+" FROM messages WHERE id IN "+newestOfRide), ride, below(before), limit)
}

// Conversation is all texts of a ride in their order.
func (r reads) Conversation(ctx context.Context, ride int64) ([]masking.Message, error) {
	texts, err := r.RideTexts(ctx, ride, 0, math.MaxInt32)
	slices.Reverse(texts)
	return texts, err
}

// RideTextsOf are a ride's texts of a kind, newest first.
func (r reads) RideTextsOf(ctx context.Context, ride int64, kind masking.Kind) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage,
		r.of(textsOfRide, "SELECT "+messageColumns+" FROM messages WHERE id IN (SELECT id FROM of_ride) AND kind = $3 ORDER BY id DESC"), ride, below(0), kind)
}

// endTexts notes that a ride that ends has all its texts, but for late ones. Who adds one right
// now, and so refers to the ride, is waited for.
func (tx *Tx) endTexts(ctx context.Context, ride int64) error {
	if tx.engine.shared {
		if err := tx.row(ctx, "SELECT id FROM rides WHERE id = $1 FOR UPDATE", ride).Scan(new(int64)); err != nil {
			return err
		}
	}
	_, err := tx.exec(ctx, "UPDATE rides SET texts_until = (SELECT COALESCE(MAX(id), 1) FROM messages) WHERE id = $1", ride)
	return err
}

// addLate lets a ride that may have all its texts have one more.
func (tx *Tx) addLate(ctx context.Context, ride, text int64) error {
	if ride == 0 {
		return nil
	}
	_, err := tx.exec(ctx, "UPDATE rides SET texts_until = $1 WHERE id = $2 AND texts_until > 0 AND texts_until < $1", text, ride)
	return err
}

// RideCalls are a ride's calls, as RideTexts are its texts.
func (r reads) RideCalls(ctx context.Context, ride, before int64, limit int) ([]masking.CallRecord, error) {
	return list(ctx, r.querier, func(row scanner) (masking.CallRecord, error) {
		c := masking.CallRecord{RideID: ride}
		err := row.Scan(&c.ID, &c.From, &c.Number, &c.To, &c.Outcome, at(&c.At))
		return c, err
	}, r.of(callsOfRide, "SELECT id, caller, number, connected_to, outcome, created_at FROM calls WHERE id IN "+newestOfRide), ride, below(before), limit)
}

// Calls are a ride's calls in their order.
func (r reads) Calls(ctx context.Context, ride int64) ([]masking.CallRecord, error) {
	calls, err := r.RideCalls(ctx, ride, 0, math.MaxInt32)
	slices.Reverse(calls)
	return calls, err
}

// Caused are the messages that were made because of one: its parts for the other
// party, answers, and what sent it again.
func (r reads) Caused(ctx context.Context, message int64) ([]masking.Message, error) {
	messages, err := list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+" FROM messages WHERE cause_id = $1", message)
	slices.SortFunc(messages, func(a, b masking.Message) int { return cmp.Compare(a.ID, b.ID) })
	return messages, err
}
