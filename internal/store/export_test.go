package store

import (
	"context"
	"time"
)

// Copied is for the test that no table is forgotten.
var Copied = copied

// OnceChosen lets a test do something after the next choice of a number, before a ride has it.
func OnceChosen(do func(number int64)) {
	was := looks.chosen
	looks.chosen = func(number int64) {
		looks.chosen = was
		do(number)
	}
}

// AtRests lets a test do something, instead of resting, whenever a transaction rests.
func AtRests(do func()) (undo func()) {
	sleep = func(time.Duration) { do() }
	return func() { sleep = time.Sleep }
}

// Writes is how many transactions wait for a writer.
func (s *Store) Writes() int { return len(s.writer.jobs) }

// Pairs reads what only tests ask: rows of two texts.
func (s *Store) Pairs(ctx context.Context, query string) ([][2]string, error) {
	return list(ctx, s.querier, func(row scanner) (pair [2]string, err error) {
		return pair, row.Scan(&pair[0], &pair[1])
	}, query)
}
