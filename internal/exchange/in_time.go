package exchange

import (
	"fmt"
	"time"

	"birdcar/internal/masking"
)

// TakeWithin is how long a webhook waits for the database. The carrier then brings the same
// again, which changes nothing if it was stored after all. SQLite gives up a
// moment sooner; a PostgreSQL whose host is gone, or that hangs, may keep a transaction much longer.
const TakeWithin = 6 * time.Second

// inTime returns what work returns, or masking.ErrBusy after most: work goes on, and what
// becomes of it is not known.
func inTime(most time.Duration, work func() error) error {
	done := make(chan error, 1)
	go func() { done <- caught(work) }()
	late := time.NewTimer(most)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("the database needs longer than %v: %w", most, masking.ErrBusy)
	}
}
