package exchange

import (
	"context"
	"errors"
	"strings"
	"sync"

	"birdcar/internal/masking"
)

// NumberLine is what became of one of many numbers for the pool.
type NumberLine struct {
	Typed   string
	Added   masking.ProxyNumber // zero: it was not
	Problem string              // why not, in words
}

// linesAtOnce is how many numbers of a list are added side by side. They share commits.
const linesAtOnce = 32

// AddNumbers puts many numbers into the pool, each for itself: a wrong one stops
// none of the others. Empty lines are left out. With an error some are added, and some not.
func (x *Exchange) AddNumbers(ctx context.Context, typed []string) (lines []NumberLine, err error) {
	for _, t := range typed {
		if t = masking.CleanLine(strings.Trim(t, ",; \t\r")); t != "" {
			lines = append(lines, NumberLine{Typed: t})
		}
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	places := make(chan struct{}, linesAtOnce)
	for i := range lines {
		places <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			if err := x.addLine(ctx, &lines[i]); err != nil {
				stop(err)
			}
			<-places
		})
	}
	all.Wait()
	return lines, context.Cause(ctx)
}

func (x *Exchange) addLine(ctx context.Context, line *NumberLine) (err error) {
	line.Added, err = x.AddNumber(ctx, line.Typed)
	var bad masking.Invalid
	if errors.As(err, &bad) {
		line.Problem, err = bad["number"], nil
	}
	return err
}
