package server

import (
	"context"
	"fmt"
	"math"
	"time"

	"birdcar/internal/masking"
	"birdcar/web"
)

// forecastDays is how far back a forecast looks.
const forecastDays = 14

// pool is how much of the pool is in use, and how long it lasts, in words.
type pool struct {
	masking.PoolUse
	Forecast masking.Forecast
}

func (s *Server) pool(ctx context.Context) (p pool, err error) {
	if p.PoolUse, err = s.Store.PoolUse(ctx); err != nil {
		return p, err
	}
	days, err := s.Store.PoolDays(ctx, s.today().AddDate(0, 0, -forecastDays))
	p.Forecast = masking.ForecastPool(days, p.PoolUse)
	return p, err
}

// today is the present time in the platform's zone.
func (s *Server) today() time.Time { return s.Now().In(s.Zone) }

// when is a time as the templates' when says it.
func (s *Server) when(t time.Time) string { return web.When(t.In(s.Zone), s.today()) }

// Lasts says how long it takes until every available number is in use at once.
func (p pool) Lasts() string {
	const long = 365
	switch f := p.Forecast; {
	case p.Available == 0:
		return "no ride"
	case !f.Known:
		return "not known yet"
	case !f.Growing:
		return "the time being"
	case f.Days == 0:
		return "less than a day"
	case f.Days > long:
		return "over a year"
	case f.Days == 1:
		return "1 day"
	}
	return fmt.Sprintf("%d days", p.Forecast.Days)
}

// Pace says what Lasts is based on.
func (p pool) Pace() string {
	switch f := p.Forecast; {
	case p.Available == 0:
		return "add numbers first"
	case !f.Known:
		return "two days of use will tell"
	case !f.Growing:
		return "the busiest moment of a day does not grow"
	default:
		return fmt.Sprintf("a day's busiest moment takes %s more each day", numbersMore(f.Growth))
	}
}

func numbersMore(growth float64) string {
	if growth >= 9.5 {
		return fmt.Sprintf("%.0f numbers", math.Round(growth))
	}
	return fmt.Sprintf("%.1f numbers", growth)
}
