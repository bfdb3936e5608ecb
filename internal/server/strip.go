package server

import (
	"context"
	"fmt"
	"math"
	"time"

	"birdcar/internal/masking"
)

// Health is what the home page shows at a glance: whether texts flow and whether
// numbers are left.
type Health struct {
	Texts   textChart
	Waiting masking.Waiting
	Pool    pool
}

// textChart is what became of texts in the last 24 hours.
type textChart struct {
	Sent, Delivered, Failed int64
	Label                   string // the whole chart in words
	Bars                    []textBar
}

// textBar is an hour of a textChart, which is chartWidth by chartHeight.
type textBar struct {
	X                             int
	DeliveredY, DeliveredHeight   int
	FailedY, FailedHeight         int
	UnreportedY, UnreportedHeight int // sent, without a report in the same hour
	Title                         string
}

const (
	chartHours  = 24
	chartStep   = 10 // from bar to bar
	chartHeight = 40
	// waitingCounted is how many waiting texts are counted one by one.
	waitingCounted = 1000
)

func (s *Server) health(ctx context.Context) (h Health, err error) {
	if h.Pool, err = s.pool(ctx); err != nil {
		return h, err
	}
	if h.Waiting, err = s.Store.Waiting(ctx, waitingCounted); err != nil {
		return h, err
	}
	now := s.today()
	// Whole hours of the clock on the wall, the one under way included.
	first := now.Truncate(time.Minute).Add(-time.Duration(now.Minute()) * time.Minute).Add(-(chartHours - 1) * time.Hour)
	minutes, err := s.Store.TextMinutes(ctx, first)
	h.Texts = newTextChart(first, minutes)
	return h, err
}

// newTextChart draws the 24 hours from first, each against the busiest of them.
func newTextChart(first time.Time, minutes []masking.TextMinute) textChart {
	var c textChart
	hours := make([]masking.TextMinute, chartHours)
	for _, m := range minutes {
		i := int(m.At.Sub(first) / time.Hour)
		if i < 0 || i >= chartHours {
			continue
		}
		hours[i].Sent += m.Sent
		hours[i].Delivered += m.Delivered
		hours[i].Failed += m.Failed
		c.Sent += m.Sent
		c.Delivered += m.Delivered
		c.Failed += m.Failed
	}
	most := int64(1)
	for _, h := range hours {
		most = max(most, h.Sent, h.Delivered+h.Failed)
	}
	// What happened at all shows at least as a line.
	height := func(n int64) int {
		if n <= 0 {
			return 0
		}
		return max(1, int(math.Round(float64(n)*chartHeight/float64(most))))
	}
	for i, h := range hours {
		b := textBar{X: i * chartStep, DeliveredHeight: height(h.Delivered), FailedHeight: height(h.Failed),
			UnreportedHeight: height(h.Sent - h.Delivered - h.Failed)}
		b.UnreportedHeight = max(0, min(b.UnreportedHeight, chartHeight-b.DeliveredHeight-b.FailedHeight))
		b.DeliveredY = chartHeight - b.DeliveredHeight
		b.UnreportedY = b.DeliveredY - b.UnreportedHeight
		b.FailedY = b.UnreportedY - b.FailedHeight
		at := first.Add(time.Duration(i) * time.Hour)
		b.Title = fmt.Sprintf("%s–%s: %d sent, %d delivered, %d failed", at.Format("15:04"), at.Add(time.Hour).Format("15:04"), h.Sent, h.Delivered, h.Failed)
		c.Bars = append(c.Bars, b)
	}
	c.Label = fmt.Sprintf("Texts of the last 24 hours: %d sent, %d delivered, %d failed", c.Sent, c.Delivered, c.Failed)
	return c
}
