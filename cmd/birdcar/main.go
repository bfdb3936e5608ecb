// Command birdcar connects the two parties of a ride through a proxy number. This
// package is the only place that knows every room: it reads the configuration,
// opens what it names, and wires the rooms together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	stdlog "log"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	"birdcar/internal/config"
	"birdcar/internal/store"
)

func main() {
	tune()
	// net/http's client says there what came unasked, which may be a text and whose it is.
	stdlog.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	getenv, err := config.FromEnvironment(os.Environ(), ".env")
	if err == nil || !configured(os.Args) {
		err = run(ctx, os.Args, getenv, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "birdcar:", err)
		os.Exit(1)
	}
}

// tune sets what suits this program better than Go's defaults, unless the environment does.
func tune() {
	if os.Getenv("GOGC") == "" {
		// While a collection goes on, some five milliseconds, every answer is late. The heap
		// is small: let it grow by eight times its size, so that few answers meet one.
		debug.SetGCPercent(800)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(256 << 20) // where a large heap does not grow by that much
	}
	if os.Getenv("GOMAXPROCS") == "" {
		// SQLite is C: while it reads, or waits for the disk, Go counts its processor as
		// busy. Twice as many let the answers go on meanwhile, a quarter more of them.
		runtime.GOMAXPROCS(2 * runtime.GOMAXPROCS(0))
	}
}

// openDatabase opens what DATABASE_URL names; waits as in store.OpenWaiting.
func openDatabase(ctx context.Context, cfg config.Config, waits func()) (*store.Store, error) {
	s, err := store.OpenWaiting(ctx, cfg.DatabaseURL, time.Now, waits)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	return s, nil
}

const usage = `usage: birdcar              serve
       birdcar import FILE  copy customers, drivers, proxy numbers and rides from a tutorial's database
       birdcar backup FILE  copy the database into a new file, also while BirdCar runs
       birdcar copy --from URL --to URL
                            copy a database into an empty one: SQLite files or postgres:// URLs
       birdcar generate [--rides 1000] [--numbers 100]
                            fill an empty database with plausible data, for benchmarks
       birdcar version      say which BirdCar this is`

// configured reports whether what was asked for takes anything from the environment.
// What does not is answered also where that is wrong.
func configured(args []string) bool {
	if asksForHelp(args) {
		return false
	}
	return len(args) == 1 || slices.Contains([]string{"import", "backup", "generate"}, args[1])
}

func asksForHelp(args []string) bool {
	return len(args) > 1 && args[1] == "help" ||
		slices.ContainsFunc(args[1:], func(s string) bool { return s == "-h" || s == "-help" || s == "--help" })
}

// run is the program: args[0] is its name, getenv its configuration. It returns
// once what it was asked for is done, or once ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	if asksForHelp(args) {
		fmt.Fprintln(stdout, usage)
		return nil
	}
	var cfg config.Config
	if configured(args) {
		var err error
		if cfg, err = config.Load(getenv); err != nil {
			return err
		}
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if len(args) == 1 {
		return serve(ctx, cfg, stdout, log)
	}
	switch command, arguments := args[1], args[2:]; command {
	case "import":
		if len(arguments) != 1 {
			return errors.New("import wants a FILE, a tutorial's database: birdcar import FILE")
		}
		return importFile(ctx, cfg, arguments[0], stdout, log)
	case "backup":
		if len(arguments) != 1 {
			return errors.New("backup wants a FILE, a new one to copy the database into: birdcar backup FILE")
		}
		return backup(ctx, cfg, arguments[0], stdout)
	case "copy":
		return copyDatabase(ctx, arguments, stdout)
	case "generate":
		return generate(ctx, cfg, arguments, stdout)
	case "version", "--version", "-version":
		if len(arguments) > 0 {
			return errors.New("version takes nothing else: birdcar version")
		}
		if info, ok := debug.ReadBuildInfo(); ok {
			fmt.Fprintln(stdout, version(info))
		}
		return nil
	default:
		return fmt.Errorf("%q is not understood: run birdcar alone to serve, or with import, backup, copy, generate, version or help", command)
	}
}
