package server

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	gaugesKept    = 5 * time.Second // the database is not asked again before, however many scrape
	gaugesWithin  = 2 * time.Second
	countedAtMost = 100_000
)

// gauges are the metrics that are looked up when they are read.
type gauges struct {
	server *Server
	descs  map[string]*prometheus.Desc

	mu      sync.Mutex
	looked  time.Time
	waiting masking.Waiting
	census  store.Census
	err     error // of the last look
}

func newGauges(s *Server) *gauges {
	g := &gauges{server: s, descs: map[string]*prometheus.Desc{}}
	for _, d := range []struct {
		name, help string
		labels     []string
	}{
		{"queue_messages", "Outbound texts that wait or are being sent; 100000 stands for more.", nil},
		{"queue_oldest_seconds", "Age of the oldest of them.", nil},
		{"rides", "Rides by state.", []string{"state"}},
		{"pool_numbers", "Proxy numbers by state.", []string{"state"}},
		{"pool_numbers_in_use", "Proxy numbers that connect somebody now.", nil},
		{"sending_paused", "1 while no text is sent, because the carrier is out of reach or refuses the account.", nil},
		{"sends_total", "Tries to send by outcome: sent, adopted (an earlier try had sent it), retried, failed.", []string{"outcome"}},
		{"texts_total", "Inbound texts by result: relayed or answered, unrouted, repeated.", []string{"result"}},
		{"reports_total", "Delivery reports by result: known, or unknown (about no message of ours).", []string{"result"}},
		{"database_up", "1 if the database could be read for this scrape.", nil},
	} {
		g.descs[d.name] = prometheus.NewDesc("birdcar_"+d.name, d.help, d.labels, nil)
	}
	return g
}

// Describe implements prometheus.Collector.
func (g *gauges) Describe(to chan<- *prometheus.Desc) {
	for _, d := range g.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (g *gauges) Collect(to chan<- prometheus.Metric) {
	tell := func(kind prometheus.ValueType) func(string, float64, ...string) {
		return func(name string, value float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(g.descs[name], kind, value, labels...)
		}
	}
	gauge, counter := tell(prometheus.GaugeValue), tell(prometheus.CounterValue)
	g.collectCounts(gauge, counter)
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.server.Now()
	g.look(now)
	if g.err != nil {
		gauge("database_up", 0)
		return
	}
	gauge("database_up", 1)
	gauge("queue_messages", float64(g.waiting.Texts))
	age := time.Duration(0)
	if !g.waiting.Oldest.IsZero() {
		age = max(0, now.Sub(g.waiting.Oldest))
	}
	gauge("queue_oldest_seconds", age.Seconds())
	gauge("rides", float64(g.census.Open), string(masking.Open))
	gauge("rides", float64(g.census.Lingering), string(masking.Lingering))
	gauge("rides", float64(g.census.Closed), string(masking.Closed))
	for state, count := range g.census.Pool {
		gauge("pool_numbers", float64(count), string(state))
	}
	gauge("pool_numbers_in_use", float64(g.census.InUse))
}

// collectCounts tells what the rooms count by themselves.
func (g *gauges) collectCounts(gauge, counter func(string, float64, ...string)) {
	if g.server.Sending != nil {
		paused := 0.0
		if g.server.Sending().Stopped {
			paused = 1
		}
		gauge("sending_paused", paused)
	}
	if g.server.Sends != nil {
		for outcome, count := range g.server.Sends() {
			counter("sends_total", float64(count), outcome)
		}
	}
	in := g.server.Exchange.Counts()
	counter("texts_total", float64(in.Texts-in.Unrouted), "relayed")
	counter("texts_total", float64(in.Unrouted), "unrouted")
	counter("texts_total", float64(in.Repeated), "repeated")
	counter("reports_total", float64(in.Reports-in.UnknownReports), "known")
	counter("reports_total", float64(in.UnknownReports), "unknown")
}

// look asks the database, unless it was asked a moment ago. g.mu is held.
func (g *gauges) look(now time.Time) {
	if !g.looked.IsZero() && now.Sub(g.looked).Abs() < gaugesKept {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), gaugesWithin)
	defer cancel()
	g.looked = now
	if g.waiting, g.err = g.server.Store.Waiting(ctx, countedAtMost); g.err == nil {
		g.census, g.err = g.server.Store.Census(ctx, countedAtMost)
	}
	if g.err != nil {
		g.server.Log.Error("metrics without the database", "err", g.err)
	}
}
