package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// visitorDSN reads a file that may be anybody's and writes nothing into it. It is opened as if to
// write all the same: else SQLite leaves a write-ahead log beside a file that may have one.
const visitorDSN = "file:%s?mode=rw&_query_only=on&_busy_timeout=5000"

// fileTables are the tables of a SQLite file, which stays as it is.
func fileTables(ctx context.Context, path string) ([]string, error) {
	db, err := openFile(visitorDSN, path, 1)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return tablesOf(ctx, querier{db, &sqliteEngine, nil}, "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'")
}

// schemaTables are the tables of PostgreSQL's schema, without those of its extensions.
func (s *Store) schemaTables(ctx context.Context) ([]string, error) {
	return tablesOf(ctx, querier{s.write, &s.engine, nil}, `SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')
		AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`)
}

func tablesOf(ctx context.Context, q querier, query string) ([]string, error) {
	return list(ctx, q, func(row scanner) (name string, err error) { return name, row.Scan(&name) }, query)
}

// refuseStrangersFile is refuseStrangers for a SQLite file.
func refuseStrangersFile(ctx context.Context, path string) error {
	tables, err := fileTables(ctx, path)
	if err != nil {
		return err
	}
	return refuseStrangers(tables, path)
}

// isOurs reports whether BirdCar made these tables. The migrations' own alone are no sign: an older
// BirdCar left them also where it then failed.
func isOurs(tables []string) bool {
	return slices.Contains(tables, "goose_db_version") && slices.Contains(tables, "routes")
}

// refuseStrangers says what a database is that has tables, and none of ours; an empty one is
// taken. file is its name if it is one.
func refuseStrangers(tables []string, file string) error {
	theirs := slices.DeleteFunc(slices.Clone(tables), func(name string) bool {
		return name == "goose_db_version" || name == "goose_lock"
	})
	if len(theirs) == 0 || isOurs(tables) {
		return nil
	}
	if file != "" && isTutorials(theirs) {
		return fmt.Errorf("it is a tutorial's database; choose another file and run `birdcar import %s`", file)
	}
	return errors.New("it holds tables that are not BirdCar's; choose another")
}

func isTutorials(tables []string) bool {
	for _, name := range []string{"customers", "drivers", "proxy_numbers", "rides"} {
		if !slices.Contains(tables, name) {
			return false
		}
	}
	return true
}
