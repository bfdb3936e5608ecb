package store

import (
	"context"

	"birdcar/internal/masking"
)

// table is where the parties of a role are kept, and column where a ride keeps
// its party's id. They come from constants, never from what somebody typed.
func table(role masking.Role) string {
	if role == masking.Driver {
		return "drivers"
	}
	return "customers"
}

func column(role masking.Role) string {
	if role == masking.Driver {
		return "driver_id"
	}
	return "customer_id"
}

func scanParty(role masking.Role) func(scanner) (masking.Party, error) {
	return func(row scanner) (masking.Party, error) {
		p := masking.Party{Role: role}
		err := row.Scan(&p.ID, &p.Name, &p.Number, at(&p.Created))
		return p, err
	}
}

// Parties are all customers or drivers that are not deleted, by name.
func (r reads) Parties(ctx context.Context, role masking.Role) ([]masking.Party, error) {
	return list(ctx, r.querier, scanParty(role),
		"SELECT id, name, number, created_at FROM "+table(role)+" WHERE deleted_at = 0 ORDER BY name, id")
}

// Party is one customer or driver that is not deleted, or masking.ErrNotFound.
func (r reads) Party(ctx context.Context, role masking.Role, id int64) (masking.Party, error) {
	p, err := scanParty(role)(r.row(ctx, "SELECT id, name, number, created_at FROM "+table(role)+" WHERE id = $1 AND deleted_at = 0", id))
	return p, found(err)
}

// AddParty stores a customer or driver and gives it its id.
func (tx *Tx) AddParty(ctx context.Context, p *masking.Party) error {
	p.Created = tx.Now
	if err := tx.keepApart(ctx, p.Number, tx.InPool); err != nil {
		return err
	}
	id, err := tx.add(ctx, "INSERT INTO "+table(p.Role)+" (name, number, created_at) VALUES ($1, $2, $3)", p.Name, p.Number, ms(tx.Now))
	if p.ID = id; err != nil {
		return err
	}
	return tx.addWords(ctx, partyWords(*p))
}

// SetParty stores the name and number of a customer or driver. from is the number that the caller
// has read: if it changed since, the transaction runs again. masking.ErrNotFound.
func (tx *Tx) SetParty(ctx context.Context, p masking.Party, from masking.Number) error {
	was, err := tx.Party(ctx, p.Role, p.ID)
	if err != nil {
		return err
	}
	if err := tx.keepApart(ctx, p.Number, tx.InPool); err != nil {
		return err
	}
	if err := tx.dropWords(ctx, partyWords(was)); err != nil {
		return err
	}
	if err := tx.addWords(ctx, partyWords(p)); err != nil {
		return err
	}
	changed, err := tx.exec(ctx, "UPDATE "+table(p.Role)+" SET name = $1, number = $2 WHERE id = $3 AND number = $4", p.Name, p.Number, p.ID, from)
	if err == nil && changed == 0 {
		return errRaced
	}
	return err
}

// DeleteParty takes a customer or driver off the list, or is masking.ErrNotFound.
// Past rides still name them.
func (tx *Tx) DeleteParty(ctx context.Context, role masking.Role, id int64) error {
	changed, err := tx.exec(ctx, "UPDATE "+table(role)+" SET deleted_at = $1 WHERE id = $2 AND deleted_at = 0", ms(tx.Now), id)
	if err == nil && changed == 0 {
		return masking.ErrNotFound
	}
	return err
}

// IsParty reports whether a number is that of a customer or driver on the lists.
func (r reads) IsParty(ctx context.Context, n masking.Number) (is bool, err error) {
	err = r.row(ctx, `SELECT EXISTS (SELECT 1 FROM customers WHERE number = $1 AND deleted_at = 0)
		OR EXISTS (SELECT 1 FROM drivers WHERE number = $1 AND deleted_at = 0)`, n).Scan(&is)
	return is, err
}

// FindParty is the customer or driver on the list with this name and number, or masking.ErrNotFound.
func (r reads) FindParty(ctx context.Context, p masking.Party) (masking.Party, error) {
	p, err := scanParty(p.Role)(r.row(ctx, "SELECT id, name, number, created_at FROM "+table(p.Role)+
		" WHERE number = $1 AND name = $2 AND deleted_at = 0 ORDER BY id LIMIT 1", p.Number, p.Name))
	return p, found(err)
}

// Empty reports whether the database has no customers, drivers or proxy numbers.
func (r reads) Empty(ctx context.Context) (empty bool, err error) {
	err = r.row(ctx, `SELECT NOT EXISTS (SELECT 1 FROM customers) AND NOT EXISTS (SELECT 1 FROM drivers)
		AND NOT EXISTS (SELECT 1 FROM proxy_numbers)`).Scan(&empty)
	return empty, err
}
