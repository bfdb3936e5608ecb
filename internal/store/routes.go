package store

import (
	"context"
	"time"

	"birdcar/internal/masking"
)

// routeColumns asks for the number that the peer sees only when it is another than
// the one dialled, $1.
const routeColumns = routeUpToNumber + "$1" + routeFromNumber

const (
	routeUpToNumber = "ride_id, role, peer, CASE peer_number_id WHEN number_id THEN "
	routeFromNumber = " ELSE (SELECT number FROM proxy_numbers WHERE id = peer_number_id) END, released_at"
)

const liveRoute = " FROM routes WHERE number_id = (SELECT id FROM proxy_numbers WHERE number = $1) AND party = $2 AND released_at = 0"

// Route is the live route of whoever dials number from party, or
// masking.ErrNotFound. There is one at most: the database refuses a second.
func (r reads) Route(ctx context.Context, number, party masking.Number) (masking.Route, error) {
	return scanRoute(number, party, r.row(ctx, "SELECT "+routeColumns+liveRoute+r.held(), number, party))
}

// RouteOf is the live route of a party of a ride, with the phone that they have now, or
// masking.ErrNotFound.
func (r reads) RouteOf(ctx context.Context, ride int64, role masking.Role) (masking.Route, error) {
	const dialled = "(SELECT number FROM proxy_numbers WHERE id = number_id)"
	var number, party masking.Number
	route, err := scanRoute(number, party, r.row(ctx, "SELECT "+routeUpToNumber+dialled+routeFromNumber+", "+dialled+`, party
		FROM routes WHERE ride_id = $1 AND role = $2 AND released_at = 0`+r.held(), ride, role), &number, &party)
	route.Number, route.Party = number, party
	return route, err
}

// RouteOrLoop is Route, and whether party is a number of the pool itself. Without a live
// route only InPool knows that. One question instead of two: every text asks both.
func (tx *Tx) RouteOrLoop(ctx context.Context, number, party masking.Number) (route masking.Route, loop bool, err error) {
	route, err = scanRoute(number, party, tx.row(ctx,
		"SELECT "+routeColumns+", EXISTS (SELECT 1 FROM proxy_numbers WHERE number = $2)"+liveRoute+tx.held(), number, party), &loop)
	return route, loop, err
}

// ReleasedRoute is the route that party had on number last, or masking.ErrNotFound.
func (r reads) ReleasedRoute(ctx context.Context, number, party masking.Number) (masking.Route, error) {
	return scanRoute(number, party, r.row(ctx, "SELECT "+routeColumns+`
		FROM routes WHERE number_id = (SELECT id FROM proxy_numbers WHERE number = $1) AND party = $2 AND released_at > 0
		ORDER BY released_at DESC, id DESC LIMIT 1`, number, party))
}

// held keeps what a transaction reads as it is until its end, so that what it
// sends because of it is sent before or after a change, never beside it.
func (q querier) held() string {
	if q.wrote == nil {
		return ""
	}
	return q.engine.holdRead
}

// scanRoute scans routeColumns and what was asked besides.
func scanRoute(number, party masking.Number, row scanner, besides ...any) (masking.Route, error) {
	r := masking.Route{Number: number, Party: party}
	err := row.Scan(append([]any{&r.RideID, &r.Role, &r.Peer, &r.PeerNumber, at(&r.Released)}, besides...)...)
	return r, found(err)
}

func (tx *Tx) addRoute(ctx context.Context, r masking.Ride, role masking.Role) error {
	party := r.Party(role).Number
	_, err := tx.exec(ctx, `INSERT INTO routes (ride_id, role, party, number_id, peer, peer_number_id) VALUES ($1, $2, $3, $4, $5, $4)`,
		r.ID, role, party, r.Proxy.ID, r.Other(role).Number)
	if err != nil {
		return err
	}
	return tx.use(ctx, party, r.Proxy)
}

// use marks a number as being used by party.
func (tx *Tx) use(ctx context.Context, party masking.Number, number masking.ProxyNumber) error {
	_, err := tx.exec(ctx, `INSERT INTO number_uses (party, number_id, country, assignable, live, used_at) VALUES ($1, $2, $3, $4, TRUE, $5)
		ON CONFLICT (party, number_id) DO UPDATE SET live = TRUE, used_at = excluded.used_at`,
		party, number.ID, number.Country, number.State == masking.Available, ms(tx.Now))
	return err
}

// unuse marks a number as no longer used by party, as of now.
func (tx *Tx) unuse(ctx context.Context, party masking.Number, number int64) error {
	_, err := tx.exec(ctx, "UPDATE number_uses SET live = FALSE, used_at = $1 WHERE party = $2 AND number_id = $3", ms(tx.Now), party, number)
	return err
}

// ReleaseRoutes gives a ride's number back to the pool: its routes become tombstones, which
// connect nobody. The ride has all its texts then.
func (tx *Tx) ReleaseRoutes(ctx context.Context, ride int64) error {
	tx.writes()
	released, err := list(ctx, tx.querier, scanParties, `UPDATE routes SET released_at = $1 WHERE ride_id = $2 AND released_at = 0
		RETURNING party, number_id`, ms(tx.Now), ride)
	if err != nil {
		return err
	}
	for _, r := range released {
		if err := tx.unuse(ctx, r.party, r.number); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "UPDATE proxy_numbers SET live_routes = live_routes - 1 WHERE id = $1", r.number); err != nil {
			return err
		}
	}
	return tx.endTexts(ctx, ride)
}

// StillSending reports whether messages to a ride's parties wait, or are being sent. From here to
// the end of the transaction no text comes in for it.
func (tx *Tx) StillSending(ctx context.Context, ride masking.Ride) (is bool, err error) {
	if tx.engine.shared {
		if _, err := list(ctx, tx.querier, scanID, "SELECT id FROM routes WHERE ride_id = $1 AND released_at = 0"+tx.engine.holdWrite, ride.ID); err != nil {
			return false, err
		}
		if ride, err = tx.Ride(ctx, ride.ID); err != nil { // somebody may have changed phones since it was read
			return false, err
		}
	}
	err = tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM messages WHERE originator = $1 AND recipient IN ($2, $3)
		AND state IN ('queued', 'sending') AND ride_id = $4)`, ride.Proxy.Number, ride.Customer.Number, ride.Driver.Number, ride.ID).Scan(&is)
	return is, err
}

type partyOnNumber struct {
	party  masking.Number
	number int64
}

func (p partyOnNumber) values() []any { return []any{p.party, p.number} }

func scanParties(row scanner) (partyOnNumber, error) {
	var p partyOnNumber
	err := row.Scan(&p.party, &p.number)
	return p, err
}

// MoveRoutes lets a party of a live ride dial from another phone, and be reached
// there. That phone must have no live route on the ride's number.
func (tx *Tx) MoveRoutes(ctx context.Context, ride masking.Ride, from, to masking.Number) error {
	moved, err := tx.exec(ctx, "UPDATE routes SET party = $1 WHERE ride_id = $2 AND party = $3 AND released_at = 0", to, ride.ID, from)
	if err != nil {
		return err
	} else if moved == 0 { // the ride was closed since it was looked up
		return errRaced
	}
	if _, err := tx.exec(ctx, "UPDATE routes SET peer = $1 WHERE ride_id = $2 AND peer = $3 AND released_at = 0", to, ride.ID, from); err != nil {
		return err
	}
	if err := tx.unuse(ctx, from, ride.Proxy.ID); err != nil {
		return err
	}
	return tx.use(ctx, to, ride.Proxy)
}

// InheritUses gives a phone the memory of another, so that the person who changed
// from that one to this is not soon given the numbers that they know.
func (tx *Tx) InheritUses(ctx context.Context, from, to masking.Number) error {
	_, err := tx.exec(ctx, `INSERT INTO number_uses (party, number_id, country, assignable, live, used_at)
		SELECT $1, number_id, country, assignable, FALSE, used_at FROM number_uses WHERE party = $2 AND used_at > 0
		ON CONFLICT (party, number_id) DO UPDATE SET used_at = CASE
			WHEN excluded.used_at > number_uses.used_at THEN excluded.used_at ELSE number_uses.used_at END`, to, from)
	return err
}

// TellEnded notes that the party of a released route was told that its ride is
// over, and reports whether this was the first time.
func (tx *Tx) TellEnded(ctx context.Context, ride int64, party masking.Number) (first bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE routes SET told_at = $1 WHERE ride_id = $2 AND party = $3 AND released_at > 0 AND told_at = 0",
		ms(tx.Now), ride, party)
	return changed > 0, err
}

// Many calls are stored a piece at a time, with rests between, so that those who
// answer calls meanwhile get at the processor: the slowest of a hundred answers comes up
// to a half sooner, as soon as if no call was recorded.
const (
	callPiece  = 100
	callRest   = 200 * time.Microsecond
	restAtMost = 100 * time.Millisecond // all rests of a transaction, and the work between them
)

// RecordCalls stores calls that came in, in their order.
func (tx *Tx) RecordCalls(ctx context.Context, calls []masking.CallRecord) error {
	began := time.Now()
	for first := 0; first < len(calls); first += callPiece {
		if first > 0 && time.Since(began) < restAtMost {
			tx.rest(callRest)
		}
		piece := calls[first:min(first+callPiece, len(calls))]
		err := bulk(ctx, tx, "calls (ride_id, caller, number, connected_to, outcome, created_at)", "", piece, func(c masking.CallRecord) []any {
			return []any{id(c.RideID), c.From, c.Number, c.To, c.Outcome, ms(c.At)}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
