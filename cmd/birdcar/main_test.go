package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// Who asks what can be asked gets an answer, also where the configuration is wrong.
func TestRun_Help(t *testing.T) {
	bad := map[string]string{"LINGER": "x", "DATABASE_URL": "mysql://"}
	for _, words := range []string{"help", "-h", "--help", "generate --help", "copy -h", "backup --help", "import -help", "nonsense --help"} {
		arguments := strings.Fields(words)
		out, err := runCommand(arguments[0], bad, arguments[1:]...)
		if err != nil || !strings.HasPrefix(out, "usage: birdcar") || !strings.Contains(out, "birdcar version") {
			t.Errorf("birdcar %s: got %q, %v", words, out, err)
		}
	}
	if out, err := runCommand("version", bad); err != nil || !strings.HasPrefix(out, "birdcar ") {
		t.Errorf("birdcar version: got %q, %v", out, err)
	}
	if _, err := runCommand("copy", bad, "--from", newDatabase(t), "--to", newDatabase(t)); err == nil || !strings.Contains(err.Error(), "there is no file") {
		t.Errorf("copy: got %v; it takes nothing from the environment", err)
	}
}

func TestRun_NotUnderstood(t *testing.T) {
	for words, want := range map[string]string{
		"serve":         `"serve" is not understood: birdcar alone serves, and else takes import, backup, copy, generate, version or help`,
		"backup":        "backup wants a FILE",
		"backup a b":    "backup wants a FILE",
		"import":        "import wants a FILE",
		"copy --from x": "copy wants --from and --to",
		"generate 5":    "generate takes --rides, 1 to",
		"version extra": "version takes nothing else: birdcar version",
	} {
		arguments := strings.Fields(words)
		_, err := runCommand(arguments[0], nil, arguments[1:]...)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("birdcar %s: got %v, want %s", words, err, want)
		}
	}
}

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
		"stopped; nothing was imported":            {"import", tutorialFile(t, "")},
	} {
		env := map[string]string{"DATABASE_URL": newDatabase(t)}
		err := run(gone, append([]string{"birdcar"}, arguments...), func(name string) string { return env[name] }, io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", arguments[0], err, want)
		}
	}
}
