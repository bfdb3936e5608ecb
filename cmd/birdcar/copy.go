package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"birdcar/internal/config"
	"birdcar/internal/store"
)

// copyDatabase copies all of a database into an empty one, of either kind, and
// prints what both hold of each table.
func copyDatabase(ctx context.Context, arguments []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("copy", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	from := flags.String("from", "", "")
	to := flags.String("to", "", "")
	if err := flags.Parse(arguments); err != nil || *from == "" || *to == "" || flags.NArg() > 0 {
		return errors.New("copy wants --from and --to, each a SQLite file or a postgres:// URL: birdcar copy --from birdcar.db --to postgres://user@localhost/birdcar") // err may quote a password
	}
	for _, given := range []struct {
		name string
		url  *string
	}{{"--from", from}, {"--to", to}} {
		var err error
		if *given.url, err = config.Database(*given.url); err != nil {
			return fmt.Errorf("%s: %w", given.name, err)
		}
	}
	if err := twoDatabases(*from, *to); err != nil {
		return err
	}
	began, total := time.Now(), int64(0)
	table := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "table\trows\tsum before\tsum after")
	err := copyBetween(ctx, *from, *to, func(t store.CopiedTable) {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", t.Name, t.Rows, t.From, t.To)
		total += t.Rows
	})
	switch {
	case err != nil && ctx.Err() != nil && !errors.Is(err, store.ErrUnconfirmed):
		return errors.New("stopped; nothing was copied") // err is how a database noticed
	case err != nil:
		return err
	}
	if err := table.Flush(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%d rows copied in %s; each table is the same in both.\n", total, time.Since(began).Round(time.Millisecond))
	return err
}

func copyBetween(ctx context.Context, from, to string, tell func(store.CopiedTable)) error {
	source, err := store.Open(ctx, from, time.Now)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	defer source.Close()
	target, err := store.Open(ctx, to, time.Now)
	if err != nil {
		return fmt.Errorf("--to: %w", err)
	}
	defer target.Close()
	err = source.CopyTo(ctx, target, tell)
	if err != nil && !errors.Is(err, store.ErrUnconfirmed) {
		err = fmt.Errorf("nothing was copied: %w", err)
	}
	return err
}

// twoDatabases refuses a source that is not there, which opening would make, and a
// target that is the source.
func twoDatabases(from, to string) error {
	same := errors.New("--from and --to are the same database")
	if from == to {
		return same
	}
	if strings.Contains(from, "://") {
		return nil
	}
	source, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--from: there is no file %s", from)
	} else if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	if target, err := os.Stat(to); err == nil && os.SameFile(source, target) {
		return same
	}
	return nil
}
