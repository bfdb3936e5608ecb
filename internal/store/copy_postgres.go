package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// insertPostgres streams the rows in COPY's protocol, inside conn's transaction.
func insertPostgres(ctx context.Context, conn *sql.Conn, _ *sql.Tx, table string, rows *tableRows) error {
	return conn.Raw(func(driver any) error {
		_, err := driver.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table}, rows.columns, rows)
		return err
	})
}

// lastIDPostgres is the last id given out, perhaps to a row that is gone; 0: none.
func lastIDPostgres(ctx context.Context, q querier, table string) (last int64, err error) {
	var sequence string
	if err := q.row(ctx, "SELECT COALESCE(pg_get_serial_sequence($1, 'id'), '')", table).Scan(&sequence); err != nil || sequence == "" {
		return 0, err
	}
	err = q.row(ctx, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM "+sequence).Scan(&last)
	return last, err
}

func setLastIDPostgres(ctx context.Context, q querier, table string, last int64) error {
	_, err := q.exec(ctx, "SELECT setval(sequence, $2) FROM pg_get_serial_sequence($1, 'id') AS sequence WHERE sequence IS NOT NULL", table, last)
	return err
}
