package store

import "context"

// Copied is for the test that no table is forgotten.
var Copied = copied

// Pairs reads what only tests ask: rows of two texts.
func (s *Store) Pairs(ctx context.Context, query string) ([][2]string, error) {
	return list(ctx, s.querier, func(row scanner) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	}, query)
}
