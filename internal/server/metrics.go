package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"birdcar/internal/masking"
)

// metrics is what Prometheus reads. No label ever holds a number, a name or an id.
type metrics struct {
	registry *prometheus.Registry
	webhooks *prometheus.CounterVec
	answered *prometheus.HistogramVec

	connected, told, apologies prometheus.Counter // of calls, by what they were answered with
}

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "birdcar_webhooks_total",
			Help: "Webhooks by kind (text, call, report) and outcome (taken, invalid, refused, too_large, failed; a call that got an apology has failed)."}, []string{"kind", "outcome"}),
		answered: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "birdcar_webhook_seconds",
			Help:    "Time to answer a webhook, until the answer is given.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2, 5}}, []string{"kind"}),
	}
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "birdcar_calls_total",
		Help: "Calls by answer: connected to the other party, a sentence, or an apology because BirdCar could not tell."}, []string{"answer"})
	m.connected, m.told, m.apologies = calls.WithLabelValues("connected"), calls.WithLabelValues("sentence"), calls.WithLabelValues("apology")
	m.registry.MustRegister(m.webhooks, m.answered, calls,
		newGauges(s), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// outcomes are what a webhook's status means; any other means failed.
var outcomes = map[int]string{
	http.StatusOK:                    "taken",
	http.StatusBadRequest:            "invalid",
	http.StatusRequestTimeout:        "invalid",
	http.StatusUnauthorized:          "refused",
	http.StatusRequestEntityTooLarge: "too_large",
}

// called counts a call by what its caller was answered.
func (m *metrics) called(flow masking.CallFlow) {
	switch {
	case !flow.Transfer.IsZero():
		m.connected.Inc()
	case flow.Say == masking.SayUnavailable:
		m.apologies.Inc()
	default:
		m.told.Inc()
	}
}

// note counts and times the webhooks of a kind, and remembers what became of the last: when it is
// answered, at the latest when next returns.
func (s *Server) note(kind webhookKind, next http.HandlerFunc) http.HandlerFunc {
	answered := s.metrics.answered.WithLabelValues(string(kind))
	counted := map[int]prometheus.Counter{}
	for status, outcome := range outcomes {
		counted[status] = s.metrics.webhooks.WithLabelValues(string(kind), outcome)
	}
	failed := s.metrics.webhooks.WithLabelValues(string(kind), "failed")
	return func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		// logRequests stands before every route
		ww := &notedWriter{WrapResponseWriter: w.(middleware.WrapResponseWriter)}
		ww.note = func(apology bool) {
			status := ww.Status()
			if c, ok := counted[status]; ok && !apology {
				c.Inc()
			} else {
				failed.Inc()
			}
			answered.Observe(time.Since(start).Seconds())
			if status != http.StatusUnauthorized || claimsToBeCarrier(r) {
				s.seen.note(kind, status, s.Now())
			}
		}
		next(ww, r)
		ww.answered(false)
	}
}

// notedWriter is what a webhook is answered with.
type notedWriter struct {
	middleware.WrapResponseWriter
	note  func(apology bool)
	noted bool
}

// answered notes that the answer is given, the first time.
func (w *notedWriter) answered(apology bool) {
	if !w.noted {
		w.noted = true
		w.note(apology)
	}
}

// showMetrics answers whoever brings the token, and the admin. Without a token
// configured there is no such page for anybody else.
func (s *Server) showMetrics(w http.ResponseWriter, r *http.Request) error {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	bearer := strings.EqualFold(scheme, "Bearer") && same(strings.TrimLeft(token, " "), s.MetricsToken)
	switch {
	case s.signedIn(r), s.MetricsToken != "" && bearer:
	case s.MetricsToken != "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="metrics"`)
		oneLine(w, http.StatusUnauthorized, "METRICS_TOKEN is needed, as a bearer token.")
		return nil
	default:
		return errNoPage
	}
	promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	return nil
}
