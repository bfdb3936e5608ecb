// Package server owns every line of HTTP that BirdCar speaks: the admin's pages,
// the webhooks, the sign-in, and who is let in where. It knows no SQL and no rule
// about rides: it reads requests, asks exchange or store, and writes answers.
package server

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Config is what a Server needs. Everything is required unless it says otherwise.
type Config struct {
	Store     *store.Store
	Exchange  *exchange.Exchange
	PublicURL string            // how MessageBird reaches us; no slash at the end
	Token     string            // lets webhooks in, in ?token=
	Verifier  *carrier.Verifier // of the webhooks' signatures; nil: only the token lets in
	Password  string            // of the admin; empty: only a login link signs in
	Country   string            // whose numbers are meant when a carrier's number has no country code
	Zone      *time.Location    // how times are typed and shown
	Now       func() time.Time
	Log       *slog.Logger

	MetricsToken string                                          // lets its bearer read /metrics; empty: only the admin may
	Sends        func() map[string]int64                         // how many tries to send had which outcome; nil: nobody counts
	Sending      func() masking.SendingStatus                    // whether texts leave; nil: nobody knows
	Balance      func(context.Context) (carrier.Balance, error)  // of the account at the carrier; nil with the simulator
	OwnedNumbers func(context.Context) ([]masking.Number, error) // that the account has; nil: they cannot be asked for

	Simulated      bool         // texts and calls stay on this machine, and every page says so
	SimulatorAPI   http.Handler // answers below /simulator/messagebird; nil with a real carrier
	SimulatorPages http.Handler // answers below /simulator to the admin; nil with a real carrier
}

// Server answers all of BirdCar's requests.
type Server struct {
	Config
	origin   *url.URL // PublicURL
	sessions *scs.SessionManager
	links    loginLinks
	pages    map[string]*template.Template
	hub      hub
	seen     seen
	metrics  *metrics
	handler  http.Handler

	stopping   chan struct{}
	endStreams func() // closes stopping
}

// New makes a Server, or says what its configuration lacks.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	s := &Server{Config: cfg, stopping: make(chan struct{})}
	s.endStreams = sync.OnceFunc(func() { close(s.stopping) })
	var err error
	if s.origin, err = url.Parse(cfg.PublicURL); err != nil {
		return nil, fmt.Errorf("server: public URL: %w", err)
	}
	if s.pages, err = parsePages(cfg.Zone, cfg.Now, cfg.Country); err != nil {
		return nil, fmt.Errorf("server: templates: %w", err)
	}
	s.sessions = s.newSessions()
	s.metrics = newMetrics(s)
	if s.handler, err = s.routes(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	return s, nil
}

func (c Config) check() error {
	var missing []string
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"Store", c.Store != nil},
		{"Exchange", c.Exchange != nil},
		{"PublicURL", c.PublicURL != ""},
		{"Token", c.Token != ""}, // without one anybody would know it
		{"Country", c.Country != ""},
		{"Zone", c.Zone != nil},
		{"Now", c.Now != nil},
		{"Log", c.Log != nil},
	} {
		if !field.set {
			missing = append(missing, field.name)
		}
	}
	if len(missing) > 0 {
		return errors.New("missing in the configuration: " + strings.Join(missing, ", "))
	}
	return nil
}

// Limited serves handler within the limits in time and size that every request has here.
func Limited(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// Handler answers every request.
func (s *Server) Handler() http.Handler { return s.handler }

// LoginLink makes an address below base, like http://127.0.0.1:8080, that signs
// whoever opens it first in as the admin.
func (s *Server) LoginLink(base string) string {
	return strings.TrimSuffix(base, "/") + "/login?key=" + s.links.add()
}

// Publish tells those who Subscribe what just happened. It never waits for them.
func (s *Server) Publish(e masking.Event) { s.hub.publish(e) }

// Subscribe tells what happens from now on, until cancel is called, which closes
// events. Whoever does not keep up misses the oldest.
func (s *Server) Subscribe() (events <-chan masking.Event, cancel func()) { return s.hub.subscribe() }
