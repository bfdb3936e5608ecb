// Command birdcar connects the two parties of a ride through a proxy number. This
// package is the only place that knows every room: it reads the configuration,
// opens what it names, and wires the rooms together.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"birdcar/internal/config"
)

func main() {
	tune()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	getenv, err := config.FromEnvironment(os.Environ(), ".env")
	if err == nil {
		err = run(ctx, os.Args, getenv, os.Stdout, os.Stderr)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "birdcar:", err)
		os.Exit(1)
	}
}

// tune sets what Go decides for want of knowing the program, unless the environment does.
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

const usage = `usage: birdcar              serve
       birdcar import FILE  copy customers, drivers, proxy numbers and rides from a tutorial's database
       birdcar backup FILE  copy the database into a new file, also while BirdCar runs
       birdcar copy --from URL --to URL
                            copy a database into an empty one: SQLite files or postgres:// URLs
       birdcar generate --rides N --numbers M
                            fill an empty database with plausible data, for benchmarks
       birdcar version      say which BirdCar this is`

// run is the program: args[0] is its name, getenv its configuration. It returns
// once what it was asked for is done, or once ctx ends.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	cfg, err := config.Load(getenv)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	switch arguments := args[1:]; {
	case len(arguments) == 0:
		return serve(ctx, cfg, stdout, log)
	case len(arguments) == 2 && arguments[0] == "import":
		return importFile(ctx, cfg, arguments[1], stdout, log)
	case len(arguments) == 2 && arguments[0] == "backup":
		return backup(ctx, cfg, arguments[1], stdout)
	case arguments[0] == "copy":
		return copyDatabase(ctx, arguments[1:], stdout)
	case arguments[0] == "generate":
		return generate(ctx, cfg, arguments[1:], stdout)
	case len(arguments) == 1 && strings.TrimLeft(arguments[0], "-") == "version":
		if info, ok := debug.ReadBuildInfo(); ok {
			fmt.Fprintln(stdout, version(info))
		}
		return nil
	case len(arguments) == 1 && (arguments[0] == "help" || strings.TrimLeft(arguments[0], "-") == "help" || arguments[0] == "-h"):
		fmt.Fprintln(stdout, usage)
		return nil
	}
	return fmt.Errorf("%q is not understood\n%s", strings.Join(args[1:], " "), usage)
}
