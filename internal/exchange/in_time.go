package exchange

import (
	"fmt"
	"time"

	"birdcar/internal/masking"
)

// TakeWithin is how long the carrier waits for an answer to what it brings. SQLite gives up a
// moment sooner; a PostgreSQL whose host is gone, or that hangs, may keep a transaction much longer.
const TakeWithin = 6 * time.Second

// inTime returns what work returns, or masking.ErrBusy after TakeWithin: work goes on, and what
// becomes of it is not known. The carrier brings the same again, which then changes nothing.
func inTime(work func() error) error {
	done := make(chan error, 1)
	go func() { done <- caught(work) }()
	late := time.NewTimer(TakeWithin)
	defer late.Stop()
	select {
	case err := <-done:
		return err
	case <-late.C:
		return fmt.Errorf("the database needs longer than %v: %w", TakeWithin, masking.ErrBusy)
	}
}
