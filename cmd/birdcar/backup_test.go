package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// A backup is taken from the running program, by a second process as far as the
// database can tell, and works in its place.
func TestBackup(t *testing.T) {
	database := newDatabase(t)
	b := start(t, database, nil)
	to := filepath.Join(t.TempDir(), "copy.db")
	command := func(file string) (string, error) {
		var out strings.Builder
		err := run(context.Background(), []string{"birdcar", "backup", file},
			func(name string) string { return map[string]string{"DATABASE_URL": database}[name] }, &out, io.Discard)
		return out.String(), err
	}
	said, err := command(to)
	if err != nil || !strings.HasPrefix(said, "Backed up to "+to) {
		t.Fatalf("got %q, %v", said, err)
	}
	if _, err := command(to); err == nil || !strings.Contains(err.Error(), "overwrites nothing") {
		t.Errorf("over an earlier backup: got %v, want a refusal", err)
	}
	b.stop()
	restored := start(t, to, nil)
	if restored.token != b.token {
		t.Error("the copy has another webhook token: it is not the same database")
	}
}
