package exchange

import (
	"testing"
	"time"
)

// A clock that is a month ahead for a minute must not cost a month of rides.
func TestSteadiness(t *testing.T) {
	var s steadiness
	start := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, look := range []struct {
		run, ahead, want time.Duration
	}{
		{0, 0, 0},
		{time.Hour, 0, time.Hour},
		{61 * time.Minute, time.Second, 61 * time.Minute}, // NTP sets it a little all the time
		{62 * time.Minute, 720 * time.Hour, 0},
		{63 * time.Minute, 720 * time.Hour, time.Minute},
		{64 * time.Minute, 0, 0}, // set right again
		{90 * time.Minute, 0, 26 * time.Minute},
		{125 * time.Minute, -11 * time.Minute, 0},
		{250 * time.Minute, -2 * time.Minute, 125 * time.Minute}, // less than before: by 9 minutes
	} {
		if got := s.lasts(start.Add(look.run+look.ahead), look.run); got != look.want {
			t.Errorf("after %v, with a clock ahead by %v: steady for %v, want %v", look.run, look.ahead, got, look.want)
		}
	}
}
