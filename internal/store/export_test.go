package store

import (
	"context"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// Copied is for the test that no table is forgotten.
var Copied = copied

// GoMigrations lets a test go back from the newest schema.
func GoMigrations() goose.ProviderOption { return new(Store).goMigrations() }

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

// ExplainForgetUses is how PostgreSQL would run what forgets uses, as text.
func (s *Store) ExplainForgetUses(ctx context.Context) (plans string, err error) {
	for _, statement := range forgetUses {
		err := runParts(statement, []any{0}, make([]partyOnNumber, 96), partyOnNumber.values, func(query string, args []any) error {
			lines, err := list(ctx, s.querier, func(row scanner) (line string, err error) { return line, row.Scan(&line) }, "EXPLAIN "+query, args...)
			plans += strings.Join(lines, "\n") + "\n"
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return plans, nil
}
