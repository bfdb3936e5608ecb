package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"birdcar/internal/config"
	"birdcar/internal/store"
)

// backup copies the database into a new file, also while BirdCar runs.
func backup(ctx context.Context, cfg config.Config, to string, stdout io.Writer) error {
	size, err := store.Backup(ctx, cfg.DatabaseURL, to)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already, and a backup overwrites nothing; name a new file", to)
	} else if err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	fmt.Fprintf(stdout, "Backed up to %s (%.1f MB), checked and on disk.\n", to, float64(size)/1e6)
	return nil
}
