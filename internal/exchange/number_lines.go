package exchange

import (
	"context"
	"errors"
	"strings"

	"birdcar/internal/masking"
)

// NumberLine is what became of one of many numbers for the pool.
type NumberLine struct {
	Typed   string
	Added   masking.ProxyNumber // zero: it was not
	Problem string              // why not, in words
}

// AddNumbers puts many numbers into the pool, each for itself: a wrong one stops
// none of the others. Empty lines are left out.
func (x *Exchange) AddNumbers(ctx context.Context, typed []string) (lines []NumberLine, err error) {
	for _, t := range typed {
		line := NumberLine{Typed: masking.CleanLine(strings.Trim(t, ",; \t\r"))}
		if line.Typed == "" {
			continue
		}
		var bad masking.Invalid
		line.Added, err = x.AddNumber(ctx, line.Typed)
		switch {
		case errors.As(err, &bad):
			line.Problem = bad["number"]
		case err != nil:
			return lines, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}
