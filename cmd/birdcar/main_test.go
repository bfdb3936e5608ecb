package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// Ctrl-C is answered with what became of the work, not with how a database noticed.
func TestRun_Stopped(t *testing.T) {
	from := newDatabase(t)
	if out, err := runCommand("generate", map[string]string{"DATABASE_URL": from}, "--rides", "10", "--numbers", "10"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for want, arguments := range map[string][]string{
		"stopped; nothing was copied":              {"copy", "--from", from, "--to", newDatabase(t)},
		"stopped; the database holds a part only,": {"generate"},
	} {
		env := map[string]string{"DATABASE_URL": newDatabase(t)}
		err := run(gone, append([]string{"birdcar"}, arguments...), func(name string) string { return env[name] }, io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", arguments[0], err, want)
		}
	}
}
