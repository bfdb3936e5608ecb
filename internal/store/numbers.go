package store

import (
	"context"

	"birdcar/internal/masking"
)

const proxyColumns = "id, number, country, state, live_routes, used_at, created_at"

func scanProxy(row scanner) (masking.ProxyNumber, error) {
	var n masking.ProxyNumber
	err := row.Scan(&n.ID, &n.Number, &n.Country, &n.State, &n.LiveRoutes, at(&n.LastUsed), at(&n.Created))
	return n, err
}

// ProxyNumbers is the whole pool, in the order it was filled.
func (r reads) ProxyNumbers(ctx context.Context) ([]masking.ProxyNumber, error) {
	return list(ctx, r.querier, scanProxy, "SELECT "+proxyColumns+" FROM proxy_numbers ORDER BY id")
}

// ProxyNumber is one number of the pool, or masking.ErrNotFound.
func (r reads) ProxyNumber(ctx context.Context, id int64) (masking.ProxyNumber, error) {
	n, err := scanProxy(r.row(ctx, "SELECT "+proxyColumns+" FROM proxy_numbers WHERE id = $1", id))
	return n, found(err)
}

// InPool reports whether a number is one of the pool's, in whatever state.
func (r reads) InPool(ctx context.Context, n masking.Number) (in bool, err error) {
	err = r.row(ctx, "SELECT EXISTS (SELECT 1 FROM proxy_numbers WHERE number = $1)", n).Scan(&in)
	return in, err
}

// poolOrder is the key of who takes a place in the order of becoming available,
// which must be the order of the commits.
const poolOrder = "pool order"

// nextSeq is the place in the order of becoming available.
const nextSeq = "(SELECT COALESCE(MAX(available_seq), 0) + 1 FROM proxy_numbers)"

// AddProxyNumber puts a number into the pool as available.
// masking.ErrConflict: it is there already.
func (tx *Tx) AddProxyNumber(ctx context.Context, number masking.Number) (masking.ProxyNumber, error) {
	if err := tx.keepApart(ctx, number, tx.IsParty); err != nil {
		return masking.ProxyNumber{}, err
	}
	if err := tx.Lock(ctx, poolOrder); err != nil {
		return masking.ProxyNumber{}, err
	}
	n, err := scanProxy(tx.writeRow(ctx, `INSERT INTO proxy_numbers (number, country, state, available_seq, created_at)
		VALUES ($1, $2, $3, `+nextSeq+`, $4) RETURNING `+proxyColumns,
		number, number.Country(), masking.Available, ms(tx.Now)))
	if err != nil {
		return n, err
	}
	return n, tx.addWords(ctx, proxyWords(n))
}

// SetPoolState makes a number available, draining or retired.
// masking.ErrConflict: it has live routes and so cannot be retired.
func (tx *Tx) SetPoolState(ctx context.Context, id int64, state masking.PoolState) error {
	if err := tx.Lock(ctx, poolOrder); err != nil {
		return err
	}
	n, err := tx.ProxyNumber(ctx, id)
	if err != nil || n.State == state {
		return err
	}
	changed, err := tx.exec(ctx, `UPDATE proxy_numbers SET state = $1,
		available_seq = CASE WHEN $1 = 'available' THEN `+nextSeq+` ELSE available_seq END
		WHERE id = $2 AND ($1 <> 'retired' OR live_routes = 0)`, state, id)
	if err != nil {
		return err
	} else if changed == 0 {
		return masking.ErrConflict
	}
	_, err = tx.exec(ctx, "UPDATE number_uses SET assignable = $1 WHERE number_id = $2", state == masking.Available, id)
	return err
}

// NumberIsNamed reports whether a ride has or had the number of the pool, or a phone's list of
// numbers names it, so that it cannot be deleted.
func (r reads) NumberIsNamed(ctx context.Context, id int64) (named bool, err error) {
	err = r.row(ctx, "SELECT EXISTS (SELECT 1 FROM number_uses WHERE number_id = $1) OR EXISTS (SELECT 1 FROM rides WHERE number_id = $1)", id).Scan(&named)
	return named, err
}

// DeleteProxyNumber takes a number out of the pool. masking.ErrConflict: it is named; retire it instead.
func (tx *Tx) DeleteProxyNumber(ctx context.Context, id int64) error {
	n, err := tx.ProxyNumber(ctx, id)
	if err != nil {
		return err
	}
	if named, err := tx.NumberIsNamed(ctx, id); err != nil {
		return err
	} else if named {
		return masking.ErrConflict
	}
	if err := tx.dropWords(ctx, proxyWords(n)); err != nil {
		return err
	}
	_, err = tx.exec(ctx, "DELETE FROM proxy_numbers WHERE id = $1", id)
	return err
}

// FindProxy is the number of the pool with this phone number, or masking.ErrNotFound.
func (r reads) FindProxy(ctx context.Context, n masking.Number) (masking.ProxyNumber, error) {
	p, err := scanProxy(r.row(ctx, "SELECT "+proxyColumns+" FROM proxy_numbers WHERE number = $1", n))
	return p, found(err)
}
