package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// naming is how the references of the messages with an id above after begin.
type naming struct {
	after  int64
	prefix string
}

// The settings with a database's names: its first, and one for each time it was started on as a
// copy, with the last message that the copy began with.
const (
	installation      = "installation"
	installationAfter = installation + " after "
)

// rename is for a copy that its original may outlive: messages to come get a name that the next
// start makes. The original gives their ids to other messages, and the carrier must not take
// one for the other. README.md has it too, for pg_restore.
const rename = "INSERT INTO settings (name, value) SELECT '" + installationAfter + "' || COALESCE(MAX(id), 0), '' FROM messages " +
	"WHERE true ON CONFLICT (name) DO UPDATE SET value = ''"

// loadNames gives this database a name of its own, so that its references at
// the carrier are never those of another database on the same account.
func (s *Store) loadNames(ctx context.Context) error {
	b := make([]byte, 5)
	_, _ = rand.Read(b)
	fresh := hex.EncodeToString(b)
	q := querier{s.write, &s.engine, nil}
	if _, err := setting(ctx, q, installation, fresh); err != nil {
		return err
	}
	if _, err := q.exec(ctx, "UPDATE settings SET value = $1 WHERE name LIKE '"+installationAfter+"%' AND value = ''", fresh); err != nil {
		return err
	}
	names, err := list(ctx, q, scanNaming, "SELECT name, value FROM settings WHERE name LIKE '"+installation+"%'")
	slices.SortFunc(names, func(a, b naming) int { return cmp.Compare(b.after, a.after) })
	s.engine.names = names
	return err
}

func scanNaming(row scanner) (n naming, err error) {
	var setting, value string
	if err := row.Scan(&setting, &value); err != nil {
		return n, err
	}
	n = naming{-1, "birdcar-" + value + "-"}
	if after, copied := strings.CutPrefix(setting, installationAfter); copied {
		n.after, err = strconv.ParseInt(after, 10, 64)
	}
	return n, err
}

// reference is what the carrier finds a message of ours by.
func (q querier) reference(id int64) string {
	for _, n := range q.engine.names { // one, unless it was started on as a copy
		if id > n.after {
			return n.prefix + strconv.FormatInt(id, 10)
		}
	}
	return ""
}
