// Command bench measures BirdCar as an operator runs it: the binary in a process
// of its own, asked over loopback HTTP, with a stand-in for the carrier. Each figure
// stands beside what the same machine did at the same time without BirdCar's work.
// It owns the load, the limits and the report; it changes nothing in what it measures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "limits" {
		exit(serveLimits(os.Args[2], os.Args[3]))
	}
	b, err := read(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	report, err := b.run(ctx)
	if len(report.Figures) > 0 {
		fmt.Print("\n", report.table())
		err = errors.Join(err, report.write(b.out))
	}
	exit(err)
}

// read takes what to measure from flags. The error is one line about one of them; asked for
// help, it prints them all and returns flag.ErrHelp.
func read(arguments []string) (b bench, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	sizes := flags.String("sizes", "1000,100000,1000000", "how many rides the databases hold, 100 at least each")
	flags.StringVar(&b.out, "out", "", "folder for bench.json and bench.svg; empty: neither is written")
	flags.StringVar(&b.birdcar, "birdcar", "bin/birdcar", "the program to measure")
	flags.StringVar(&b.dir, "dir", "bin/bench", "folder for databases; generated ones are kept there for the next run")
	flags.StringVar(&b.postgres, "postgres", "", "URL of a PostgreSQL server whose user may create databases; empty: SQLite only")
	flags.DurationVar(&b.duration, "duration", 8*time.Second, "how long each figure is measured, 1s at least")
	flags.IntVar(&b.connections, "connections", 64, "connections of the load, 1 to 999")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
		return b, err
	} else if err != nil {
		return b, err
	}
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 100 {
			return b, fmt.Errorf("-sizes %s: want numbers of 100 at least, like 1000,100000", *sizes)
		}
		b.sizes = append(b.sizes, n)
	}
	switch {
	case flags.NArg() > 0:
		return b, fmt.Errorf("%q is no flag; -h lists them", flags.Arg(0))
	case b.duration < time.Second:
		return b, fmt.Errorf("-duration %s: want 1s at least", b.duration)
	case b.connections < 1 || b.connections > 999:
		return b, fmt.Errorf("-connections %d: want 1 to 999", b.connections)
	}
	return b, nil
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// write keeps the report for the README.
func (r report) write(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, "bench.json"), r.json(), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "bench.svg"), r.picture(), 0o644)
}
