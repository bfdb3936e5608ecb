package store

import (
	"context"
	"time"

	"birdcar/internal/masking"
)

const selectRide = `SELECT r.id, r.start, r.destination, r.datetime, r.state, r.cancelled,
	r.created_at, r.ended_at, r.closed_at, r.due_at,
	c.id, c.name, c.number, c.created_at, d.id, d.name, d.number, d.created_at,
	p.id, p.number, p.country, p.state, p.live_routes, p.used_at, p.created_at
	FROM rides r JOIN customers c ON c.id = r.customer_id JOIN drivers d ON d.id = r.driver_id
	JOIN proxy_numbers p ON p.id = r.number_id `

func scanRide(row scanner) (masking.Ride, error) {
	r := masking.Ride{Customer: masking.Party{Role: masking.Customer}, Driver: masking.Party{Role: masking.Driver}}
	c, d, p := &r.Customer, &r.Driver, &r.Proxy
	err := row.Scan(&r.ID, &r.Start, &r.Destination, at(&r.At), &r.State, &r.Cancelled,
		at(&r.Created), at(&r.Ended), at(&r.ClosedAt), at(&r.Due),
		&c.ID, &c.Name, &c.Number, at(&c.Created), &d.ID, &d.Name, &d.Number, at(&d.Created),
		&p.ID, &p.Number, &p.Country, &p.State, &p.LiveRoutes, at(&p.LastUsed), at(&p.Created))
	return r, err
}

// Ride is one ride, or masking.ErrNotFound.
func (r reads) Ride(ctx context.Context, id int64) (masking.Ride, error) {
	ride, err := scanRide(r.row(ctx, selectRide+"WHERE r.id = $1", id))
	return ride, found(err)
}

// HeldRide is Ride, with parties that keep their phones until the transaction's end.
func (tx *Tx) HeldRide(ctx context.Context, id int64) (masking.Ride, error) {
	ride, err := tx.Ride(ctx, id)
	if err != nil || !tx.engine.shared {
		return ride, err
	}
	if err := tx.LockParties(ctx, ride.Customer, ride.Driver); err != nil {
		return ride, err
	}
	return tx.Ride(ctx, id)
}

// CurrentRides are the newest open and lingering rides, newest first, limit at most.
func (r reads) CurrentRides(ctx context.Context, limit int) ([]masking.Ride, error) {
	return list(ctx, r.querier, scanRide, selectRide+"WHERE r.state <> 'closed' ORDER BY r.id DESC LIMIT $1", limit)
}

// LiveRides are the open and lingering rides of a customer or driver, oldest first: among all
// of theirs since the oldest live ride of anybody, so that no ride has an index to write for it.
func (r reads) LiveRides(ctx context.Context, role masking.Role, id int64) ([]masking.Ride, error) {
	return list(ctx, r.querier, scanRide, selectRide+"WHERE r."+column(role)+` = $1
		AND r.id >= (SELECT MIN(id) FROM rides WHERE state <> 'closed') AND r.state <> 'closed' ORDER BY r.id`, id)
}

// DueRides are rides whose time to end or to close has come, limit at most.
func (r reads) DueRides(ctx context.Context, now time.Time, limit int) ([]masking.Ride, error) {
	return list(ctx, r.querier, scanRide, selectRide+"WHERE r.state <> 'closed' AND r.due_at <= $1 ORDER BY r.due_at LIMIT $2", ms(now), limit)
}

// AddRide stores an open ride with its two routes and marks its number as used
// by both parties. masking.ErrConflict: a party has a live route on the number.
func (tx *Tx) AddRide(ctx context.Context, r *masking.Ride) error {
	r.State, r.Created = masking.Open, tx.Now
	id, err := tx.add(ctx, `INSERT INTO rides (start, destination, datetime, customer_id, driver_id, number_id, state, created_at, due_at, texts_after, calls_after)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, (SELECT COALESCE(MAX(id), 0) FROM messages), (SELECT COALESCE(MAX(id), 0) FROM calls))`,
		r.Start, r.Destination, ms(r.At), r.Customer.ID, r.Driver.ID, r.Proxy.ID, r.State, ms(r.Created), ms(r.Due))
	if r.ID = id; err != nil {
		return err
	}
	for _, role := range []masking.Role{masking.Customer, masking.Driver} {
		if err := tx.addRoute(ctx, *r, role); err != nil {
			return err
		}
	}
	changed, err := tx.exec(ctx, "UPDATE proxy_numbers SET live_routes = live_routes + 2, used_at = $1 WHERE id = $2 AND state = $3",
		ms(tx.Now), r.Proxy.ID, r.Proxy.State)
	if err != nil {
		return err
	} else if changed == 0 { // drained or retired since it was chosen
		return errRaced
	}
	return tx.addWords(ctx, rideWords(*r))
}

// SetRide stores the state of a ride's life: state, cancelled, ended, closed and due.
// was is the state it must still be in; masking.ErrConflict: it no longer is.
func (tx *Tx) SetRide(ctx context.Context, r masking.Ride, was masking.RideState) error {
	changed, err := tx.exec(ctx, `UPDATE rides SET state = $1, cancelled = $2, ended_at = $3, closed_at = $4, due_at = $5
		WHERE id = $6 AND state = $7`, r.State, r.Cancelled, ms(r.Ended), ms(r.ClosedAt), ms(r.Due), r.ID, was)
	if err == nil && changed == 0 {
		return errRaced
	}
	return err
}

// HasRide reports whether there is a ride of the same parties, number, places and time.
func (r reads) HasRide(ctx context.Context, ride masking.Ride) (has bool, err error) {
	err = r.row(ctx, `SELECT EXISTS (SELECT 1 FROM rides WHERE customer_id = $1 AND driver_id = $2 AND number_id = $3
		AND datetime = $4 AND start = $5 AND destination = $6)`,
		ride.Customer.ID, ride.Driver.ID, ride.Proxy.ID, ms(ride.At), ride.Start, ride.Destination).Scan(&has)
	return has, err
}
