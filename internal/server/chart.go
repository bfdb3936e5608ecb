package server

import (
	"fmt"

	"birdcar/internal/store"
)

// sparkline is a small chart of a number's days for the template of that name. Its
// view box is 82 by sparkHeight.
type sparkline struct {
	Label string // the whole chart in words
	Bars  []sparkBar
}

type sparkBar struct {
	X, Y, Height      int
	FailY, FailHeight int // the lower part of the bar
	Title             string
}

const (
	sparkStep   = 6 // from bar to bar
	sparkHeight = 24
)

// newSparkline draws days, each against the busiest of them.
func newSparkline(days []store.NumberDay) sparkline {
	var most, texts, failed int
	for _, d := range days {
		most = max(most, d.Texts, d.Failed)
		texts += d.Texts
		failed += d.Failed
	}
	// A day on which anything happened shows at least as a line.
	height := func(n int) int {
		if n == 0 {
			return 0
		}
		return max(2, n*sparkHeight/most)
	}
	chart := sparkline{Label: fmt.Sprintf("Last %d days: %s, %d failed", len(days), texted(texts), failed)}
	for i, d := range days {
		fail := height(d.Failed)
		bar := max(height(d.Texts), fail)
		chart.Bars = append(chart.Bars, sparkBar{X: i * sparkStep, Y: sparkHeight - bar, Height: bar, FailY: sparkHeight - fail, FailHeight: fail,
			Title: fmt.Sprintf("%s: %s, %d failed", d.Day.Format("Mon 2 Jan"), texted(d.Texts), d.Failed)})
	}
	return chart
}

func texted(n int) string { return count(n, false, "text", "texts") }
