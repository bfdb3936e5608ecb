package main

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"birdcar/internal/store"
)

// Who asks what can be asked gets an answer, also where the configuration is wrong.
func TestRun_Help(t *testing.T) {
	bad := map[string]string{"LINGER": "x", "DATABASE_URL": "mysql://"}
	for _, words := range []string{"help", "help import", "-h", "--help", "generate --help", "copy -h", "backup --help", "import -help", "nonsense --help"} {
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
		"serve":         `"serve" is not understood: run birdcar alone to serve, or with import, backup, copy, generate, version or help`,
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

// The likeliest first failure of all: something listens there already.
func TestRun_AddressNotFree(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for address, want := range map[string]string{
		taken.Addr().String(): "ADDR: " + taken.Addr().String() + " is in use, perhaps by another BirdCar; stop that one, or name another port",
		"192.0.2.1:8080":      "ADDR: 192.0.2.1:8080 is no address of this machine; try",
	} {
		env := map[string]string{"ADDR": address, "DATABASE_URL": newDatabase(t)}
		err := run(context.Background(), []string{"birdcar"}, func(name string) string { return env[name] }, io.Discard, io.Discard)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// A database that cannot be opened is told with the variable that names it, or the flag, and
// with what to do.
func TestRun_DatabaseNotOpened(t *testing.T) {
	folder := t.TempDir()
	locked := filepath.Join(folder, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct{ database, want string }{
		"another kind of file": {"main_test.go", "main_test.go: file is not a database; name another, or a new one, like birdcar.db"},
		"a folder":             {folder, "is a directory; name a file in it, like birdcar.db"},
		"no server":            {"postgres://wren:s3cret@127.0.0.1:1/birdcar", "PostgreSQL: 127.0.0.1:1 refuses connections; start PostgreSQL there"},
		"a locked folder":      {filepath.Join(locked, "new.db"), "permission denied; let BirdCar write the file and its folder, or name another, like birdcar.db"},
	}
	if os.Getuid() == 0 { // for whom nothing is locked
		delete(tests, "a locked folder")
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"ADDR": "127.0.0.1:0", "DATABASE_URL": test.database}
			for _, arguments := range [][]string{{}, {"generate"}, {"import", tutorialFile(t, "")}, {"copy", "--from", newStore(t), "--to", test.database}} {
				named := "DATABASE_URL: database "
				if slices.Contains(arguments, "copy") {
					named = "--to: database "
				}
				err := run(context.Background(), append([]string{"birdcar"}, arguments...), func(name string) string { return env[name] }, io.Discard, io.Discard)
				if err == nil || !strings.HasPrefix(err.Error(), named) || !strings.Contains(err.Error(), test.want) {
					t.Errorf("%q: got %v, want %s… %s", arguments, err, named, test.want)
				} else if said := err.Error(); strings.Contains(said, "\n") || strings.Contains(said, "s3cret") {
					t.Errorf("%q: got %q, want one line without the password", arguments, said)
				}
			}
		})
	}
}

// newStore is a database of ours with nothing in it.
func newStore(t *testing.T) string {
	t.Helper()
	path := newDatabase(t)
	s, err := store.Open(context.Background(), path, time.Now)
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
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
