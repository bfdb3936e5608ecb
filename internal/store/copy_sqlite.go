package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

func insertSQLite(ctx context.Context, _ *sql.Conn, tx *sql.Tx, table string, rows *tableRows) error {
	insert, err := tx.PrepareContext(ctx, "INSERT INTO "+table+" ("+strings.Join(rows.columns, ", ")+") VALUES (?"+
		strings.Repeat(", ?", len(rows.columns)-1)+")")
	if err != nil {
		return err
	}
	defer insert.Close()
	for rows.Next() {
		if _, err := insert.ExecContext(ctx, rows.values...); err != nil {
			return err
		}
	}
	return rows.Err()
}

// lastIDSQLite is the last id given out, perhaps to a row that is gone; 0: none.
func lastIDSQLite(ctx context.Context, q querier, table string) (last int64, err error) {
	err = q.row(ctx, "SELECT MAX(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = $1), 0), COALESCE((SELECT MAX(id) FROM "+table+"), 0))", table).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return last, err
}

func setLastIDSQLite(ctx context.Context, q querier, table string, last int64) error {
	changed, err := q.exec(ctx, "UPDATE sqlite_sequence SET seq = $1 WHERE name = $2", last, table)
	if err != nil || changed > 0 {
		return err
	}
	_, err = q.exec(ctx, `INSERT INTO sqlite_sequence (name, seq) SELECT $1, $2
		WHERE EXISTS (SELECT 1 FROM sqlite_master WHERE name = $1 AND sql LIKE '%AUTOINCREMENT%')`, table, last)
	return err
}
