package masking

import "time"

// PoolUse is how much of the pool is in use now.
type PoolUse struct {
	Numbers   int // in whatever state
	Available int // new rides may get them
	InUse     int // of the available ones: connect somebody
}

// Free are the available numbers that connect nobody.
func (u PoolUse) Free() int { return u.Available - u.InUse }

// Share is how much of the available numbers is in use, in percent.
func (u PoolUse) Share() int {
	if u.Available == 0 {
		return 0
	}
	return (100*u.InUse + u.Available/2) / u.Available
}

// PoolDay is a day's busiest moment in the pool.
type PoolDay struct {
	Day       time.Time // midnight UTC of the day's date
	InUse     int
	Available int
}

// Forecast says how long the pool lasts.
type Forecast struct {
	Known   bool    // false: less than two days are known
	Growth  float64 // numbers more a day at the busiest moment; may be negative
	Days    int     // until the busiest moment uses every available number; meant only when Growing
	Growing bool
}

// ForecastPool lays a straight line through the busiest moments of the days, by
// least squares, and follows it until it meets the numbers available now.
func ForecastPool(days []PoolDay, now PoolUse) Forecast {
	if len(days) < 2 {
		return Forecast{}
	}
	first := days[0].Day
	var n, sumX, sumY, sumXX, sumXY float64
	for _, d := range days {
		x, y := d.Day.Sub(first).Hours()/24, float64(d.InUse)
		n, sumX, sumY, sumXX, sumXY = n+1, sumX+x, sumY+y, sumXX+x*x, sumXY+x*y
	}
	spread := n*sumXX - sumX*sumX
	if spread == 0 {
		return Forecast{}
	}
	f := Forecast{Known: true, Growth: (n*sumXY - sumX*sumY) / spread}
	const standstill = 0.01 // a number in a hundred days
	if f.Growth < standstill {
		return f
	}
	last := days[len(days)-1].Day.Sub(first).Hours() / 24
	peak := max((sumY-f.Growth*sumX)/n+f.Growth*last, float64(now.InUse))
	f.Growing = true
	f.Days = int(max(0, float64(now.Available)-peak) / f.Growth)
	return f
}
