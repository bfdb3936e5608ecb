package masking

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

var (
	// ErrNotFound says that what was asked for does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the change would break a rule that another row holds.
	ErrConflict = errors.New("conflict")
	// ErrPoolEmpty says that no number of the pool is free for both parties.
	ErrPoolEmpty = errors.New("no number of the pool is free for both parties")
	// ErrBusy says that the store cannot take work now; the same again may succeed later.
	ErrBusy = errors.New("busy")
	// ErrOutOfReach is ErrBusy of a database that is not there, or has no time.
	ErrOutOfReach = fmt.Errorf("the database is out of reach: %w", ErrBusy)
)

// Invalid is what is wrong with an input: a problem in words for each field.
type Invalid map[string]string

// Error lists the problems in the order of the fields' names.
func (v Invalid) Error() string {
	problems := make([]string, 0, len(v))
	for _, field := range slices.Sorted(maps.Keys(v)) {
		problems = append(problems, field+": "+v[field])
	}
	return strings.Join(problems, "; ")
}

// OrNil is v as an error, or nil when nothing is wrong.
func (v Invalid) OrNil() error {
	if len(v) == 0 {
		return nil
	}
	return v
}
