package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"birdcar/migrations"
)

// engine makes databases that a measurement may change: copies of generated ones.
type engine struct {
	name string
	// copy returns the URL of a new copy of the database with so many rides and
	// numbers, which it generates when it has none yet.
	copy func(ctx context.Context, rides, numbers int) (url string, err error)
	drop func(ctx context.Context, url string)
}

func (b *bench) sqlite() engine {
	return engine{name: "SQLite",
		copy: func(ctx context.Context, rides, numbers int) (string, error) {
			original := filepath.Join(b.dir, fmt.Sprintf("%d-%d-%s.db", rides, numbers, schema()))
			if _, err := os.Stat(original); err != nil {
				part := original + ".part"
				if err := b.generate(ctx, part, rides, numbers); err != nil {
					return "", err
				}
				if err := os.Rename(part, original); err != nil {
					return "", err
				}
			}
			work := filepath.Join(b.dir, fmt.Sprintf("work-%d-%d.db", rides, numbers))
			dropFile(ctx, work)
			// Page by page, as SQLite writes its file: the kernel caches one that was written in
			// large pieces in large pieces, and whoever then writes a single page of it pays twice.
			// On the disk at once: what is still to be written would disturb the measurement.
			return work, exec.CommandContext(ctx, "dd", "if="+original, "of="+work, "bs=4096", "conv=fsync", "status=none").Run()
		},
		drop: dropFile,
	}
}

func dropFile(_ context.Context, path string) {
	for _, end := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + end)
	}
}

// postgresAt uses databases of a server, which makes copies by itself.
func (b *bench) postgresAt(server string) engine {
	at := func(name string) string {
		u, err := url.Parse(server)
		if err != nil {
			return server
		}
		u.Path = "/" + name
		return u.String()
	}
	return engine{name: "PostgreSQL",
		copy: func(ctx context.Context, rides, numbers int) (string, error) {
			original := fmt.Sprintf("bench_%d_%d_%s", rides, numbers, schema())
			if exec.CommandContext(ctx, "psql", "-Xqc", "SELECT 1", at(original)).Run() != nil {
				part := original + "_part"
				if err := psql(ctx, server, "DROP DATABASE IF EXISTS "+part); err != nil {
					return "", err
				}
				if err := psql(ctx, server, "CREATE DATABASE "+part); err != nil {
					return "", err
				}
				if err := b.generate(ctx, at(part), rides, numbers); err != nil {
					return "", err
				}
				if err := exec.CommandContext(ctx, "psql", "-Xqc", "VACUUM ANALYZE", at(part)).Run(); err != nil {
					return "", err
				}
				if err := psql(ctx, server, "ALTER DATABASE "+part+" RENAME TO "+original); err != nil {
					return "", err
				}
			}
			work := fmt.Sprintf("bench_work_%d_%d", rides, numbers)
			if err := psql(ctx, server, "DROP DATABASE IF EXISTS "+work); err != nil {
				return "", err
			}
			return at(work), psql(ctx, server, "CREATE DATABASE "+work+" TEMPLATE "+original)
		},
		drop: func(ctx context.Context, work string) {
			_ = psql(ctx, server, "DROP DATABASE IF EXISTS "+work[strings.LastIndexByte(work, '/')+1:])
		},
	}
}

func psql(ctx context.Context, server, statement string) error {
	out, err := exec.CommandContext(ctx, "psql", "-Xqv", "ON_ERROR_STOP=1", "-c", statement, server).CombinedOutput()
	if err != nil {
		return fmt.Errorf("psql: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) generate(ctx context.Context, database string, rides, numbers int) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	dropFile(ctx, database)
	fmt.Fprintf(os.Stderr, "generating %d rides over %d numbers\n", rides, numbers)
	cmd := exec.CommandContext(ctx, b.birdcar, "generate", "--rides", fmt.Sprint(rides), "--numbers", fmt.Sprint(numbers))
	// Kept databases grow old: their live rides shall outlive that.
	cmd.Env = append(os.Environ(), "DATABASE_URL="+database, "LINGER=2400h", "RIDE_LIMIT=2400h")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

// schema names the schema that a generated database has.
func schema() string {
	h := sha256.New()
	_ = fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			text, _ := fs.ReadFile(migrations.FS, path)
			h.Write(text)
		}
		return err
	})
	return fmt.Sprintf("%x", h.Sum(nil)[:4])
}
