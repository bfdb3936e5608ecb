package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// A backup taken under load holds everything that was answered before it began.
func TestBackup_WhileWriting(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	path := filepath.Join(folder, "birdcar.db")
	s := storetest.Open(t, path, time.Now)
	add := func(i int) {
		err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			_, err := tx.AddProxyNumber(ctx, number(t, fmt.Sprintf("4477009%05d", i)))
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	const before = 50
	for i := range before {
		add(i)
	}
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for i := before; ; i++ {
			select {
			case <-stop:
				return
			default:
				add(i)
			}
		}
	})
	to := filepath.Join(folder, "copy.db")
	size, err := store.Backup(ctx, path, to)
	close(stop)
	writing.Wait()
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v; want %d bytes that only its owner may read", info, err, size)
	}
	copied := storetest.Open(t, to, time.Now)
	pool, err := copied.ProxyNumbers(ctx)
	if err != nil || len(pool) < before {
		t.Errorf("the copy has %d numbers, %v; want at least the %d that were there before", len(pool), err, before)
	}
	entries, err := filepath.Glob(filepath.Join(folder, ".birdcar-backup-*"))
	if err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestBackup_Refused(t *testing.T) {
	ctx := context.Background()
	folder := t.TempDir()
	path := filepath.Join(folder, "birdcar.db")
	storetest.Open(t, path, time.Now)
	precious := filepath.Join(folder, "precious")
	if err := os.WriteFile(precious, []byte("keep me"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Backup(ctx, path, precious); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: got %v, want ErrExist", err)
	}
	if kept, err := os.ReadFile(precious); err != nil || string(kept) != "keep me" {
		t.Errorf("the file now holds %q, %v", kept, err)
	}
	if _, err := store.Backup(ctx, filepath.Join(folder, "missing.db"), filepath.Join(folder, "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: got %v, want ErrNotExist", err)
	}
	if _, err := store.Backup(ctx, path, filepath.Join(folder, "missing", "a")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("into no folder: got %v, want ErrNotExist", err)
	}
	if _, err := store.Backup(ctx, "postgres://bird:secret@db/birdcar", filepath.Join(folder, "a")); err == nil ||
		!strings.Contains(err.Error(), "pg_dump") || strings.Contains(err.Error(), "secret") {
		t.Errorf("of PostgreSQL: got %v, want a hint at pg_dump without the password", err)
	}

	damaged := filepath.Join(folder, "damaged.db")
	if _, err := store.Backup(ctx, path, damaged); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(damaged)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < 3*4096; i++ { // two pages behind the first
		content[i] = 0xEE
	}
	if err := os.WriteFile(damaged, content, 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(folder, "copy-of-damaged.db")
	if _, err := store.Backup(ctx, damaged, to); err == nil {
		t.Error("a damaged database was copied as if it were whole")
	}
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a damaged copy was left: %v", err)
	}
}
