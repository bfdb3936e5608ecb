// Command bench measures BirdCar as an operator runs it: the binary in a process
// of its own, asked over loopback HTTP, with a stand-in for the carrier. Each figure
// stands beside what the same machine did at the same time without BirdCar's work.
// It owns the load, the limits and the report; it changes nothing in what it measures.
package main

import (
	"context"
	"flag"
	"fmt"
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := bench{}
	sizes := flag.String("sizes", "1000,100000,1000000", "how many rides the databases hold")
	out := flag.String("out", "", "folder for bench.json and bench.svg; empty: neither is written")
	flag.StringVar(&b.birdcar, "birdcar", "bin/birdcar", "the program to measure")
	flag.StringVar(&b.dir, "dir", "bin/bench", "folder for databases; generated ones are kept there for the next run")
	flag.StringVar(&b.postgres, "postgres", "", "URL of a PostgreSQL server whose user may create databases; empty: SQLite only")
	flag.DurationVar(&b.duration, "duration", 8*time.Second, "how long each figure is measured")
	flag.IntVar(&b.connections, "connections", 64, "connections of the load")
	flag.Parse()
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 100 || flag.NArg() > 0 || b.connections < 1 || b.connections > 999 {
			flag.Usage()
			os.Exit(2)
		}
		b.sizes = append(b.sizes, n)
	}
	report, err := b.run(ctx)
	if err == nil {
		fmt.Print("\n", report.table())
		err = report.write(*out)
	}
	exit(err)
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
