package masking

import (
	"testing"
	"time"
)

func TestForecastPool(t *testing.T) {
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	days := func(inUse ...int) (list []PoolDay) {
		for i, n := range inUse {
			if n >= 0 { // below: BirdCar did not run that day
				list = append(list, PoolDay{Day: start.AddDate(0, 0, i), InUse: n, Available: 20})
			}
		}
		return list
	}
	now := PoolUse{Numbers: 25, Available: 20, InUse: 3}
	for name, test := range map[string]struct {
		days []PoolDay
		want Forecast
	}{
		"nothing known":               {days(), Forecast{}},
		"one day":                     {days(4), Forecast{}},
		"one more each day":           {days(4, 5, 6, 7, 8), Forecast{Known: true, Growth: 1, Growing: true, Days: 12}},
		"two more every second day":   {days(4, -1, 6, -1, 8), Forecast{Known: true, Growth: 1, Growing: true, Days: 12}},
		"as ever":                     {days(5, 5, 5), Forecast{Known: true}},
		"ever less":                   {days(9, 7, 5), Forecast{Known: true, Growth: -2}},
		"at the end":                  {days(16, 18, 20), Forecast{Known: true, Growth: 2, Growing: true, Days: 0}},
		"past the end":                {days(26, 28, 30), Forecast{Known: true, Growth: 2, Growing: true, Days: 0}},
		"a blip that went away again": {days(2, 9, 2), Forecast{Known: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ForecastPool(test.days, now); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestPoolUse(t *testing.T) {
	for _, test := range []struct {
		use         PoolUse
		free, share int
	}{
		{PoolUse{}, 0, 0},
		{PoolUse{Numbers: 4, Available: 3, InUse: 1}, 2, 33},
		{PoolUse{Numbers: 4, Available: 3, InUse: 2}, 1, 67},
		{PoolUse{Numbers: 4, Available: 4, InUse: 4}, 0, 100},
	} {
		if test.use.Free() != test.free || test.use.Share() != test.share {
			t.Errorf("%+v: %d free, %d %%; want %d and %d", test.use, test.use.Free(), test.use.Share(), test.free, test.share)
		}
	}
}
