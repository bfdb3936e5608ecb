package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"
)

// What nobody can bring about who is root: files and folders that may not be written.
func TestUnopenedFile(t *testing.T) {
	const want = "; let BirdCar write the file and its folder, or name another, like birdcar.db"
	for _, cause := range []error{
		sqlite3.Error{Code: sqlite3.ErrReadonly},
		sqlite3.Error{Code: sqlite3.ErrCantOpen},
		&fs.PathError{Op: "open", Path: "birdcar.db", Err: fs.ErrPermission},
	} {
		got := unopenedFile(fmt.Errorf("migrate: %w", cause))
		if !strings.HasSuffix(got.Error(), want) || !strings.Contains(got.Error(), cause.Error()) || !errors.Is(got, cause) {
			t.Errorf("%v: got %v, want it with %s", cause, got, want)
		}
	}
	other := sqlite3.Error{Code: sqlite3.ErrFull}
	if got := unopenedFile(other); !errors.Is(got, other) || got.Error() != other.Error() {
		t.Errorf("got %v, want %v as it is", got, other)
	}
}
