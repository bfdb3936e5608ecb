// Package simulator is a MessageBird on this machine, for when there is no API
// key: the API that BirdCar sends to, the webhooks it is sent, and two handsets
// in the browser to text and call with.
//
// It owns what a carrier would: the texts it took, the calls that are on, and
// the phones. It knows BirdCar only from outside, by its webhooks and by what the
// Config hands it; never the store or the exchange. Nothing leaves this machine.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"birdcar/internal/masking"
	"birdcar/web"
)

// Config is what a Simulator needs. All of it is required but File and Zone.
type Config struct {
	APIKey     string         // what a client of the API must send as "Authorization: AccessKey …"
	SigningKey string         // signs the webhooks, as MessageBird does
	File       string         // where texts are kept between starts; empty: in memory only
	PublicURL  string         // how webhooks are addressed and signed
	Token      string         // the webhooks' ?token=
	Country    string         // how a number typed without a country code is read
	Zone       *time.Location // how times are shown; nil: UTC
	Now        func() time.Time
	Log        *slog.Logger

	// Rides are the current rides, newest first: the handsets are chosen from them.
	Rides func(ctx context.Context) ([]masking.Ride, error)
	// Subscribe tells what happens in the server until cancel is called.
	Subscribe func() (events <-chan masking.Event, cancel func())
	// Render writes one of the server's pages.
	Render func(w http.ResponseWriter, r *http.Request, status int, page string, data any) error
}

func (c Config) check() error {
	switch {
	case c.APIKey == "":
		return errors.New("no API key")
	case c.SigningKey == "":
		return errors.New("no signing key")
	case c.PublicURL == "":
		return errors.New("no public URL")
	case c.Token == "":
		return errors.New("no webhook token")
	case c.Now == nil || c.Log == nil || c.Rides == nil || c.Subscribe == nil || c.Render == nil:
		return errors.New("one of Now, Log, Rides, Subscribe and Render is missing")
	}
	return nil
}

// Simulator is a MessageBird with handsets. Its methods may be called at once
// from several goroutines.
type Simulator struct {
	cfg    Config
	pages  *template.Template
	client *http.Client
	pace   pace

	stop    context.CancelFunc
	stopped context.Context // done once Start's context ends or Close is called
	running sync.WaitGroup

	mu       sync.Mutex
	listen   string // where webhooks are posted; empty before Start
	journal  *journal
	messages []*message // oldest first
	byID     map[string]*message
	calls    []*call // oldest first
	people   map[string]person
	read     map[thread]int // how many texts of a thread were shown to its owner
	run      run
	outbound queue // delivery reports to post
	inbound  queue // texts of the handsets to post
	watchers map[chan struct{}]struct{}
}

// pace is how long the carrier takes for things.
type pace struct {
	report  time.Duration   // from taking a text to reporting its delivery
	retries []time.Duration // before each further try to post a webhook
}

// New reads the texts of earlier starts from cfg.File. Nothing is posted before
// Start.
func New(cfg Config) (*Simulator, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	pages, err := template.New("").Funcs(web.Funcs(cfg.Zone, cfg.Now)).ParseFS(web.FS, "templates/simulator.html")
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	journal, kept, err := openJournal(cfg.File)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	s := &Simulator{
		cfg:   cfg,
		pages: pages,
		client: &http.Client{
			Timeout:       10 * time.Second,
			Transport:     &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pace: pace{
			report:  300 * time.Millisecond,
			retries: []time.Duration{500 * time.Millisecond, 2 * time.Second, 5 * time.Second},
		},
		journal:  journal,
		byID:     make(map[string]*message),
		people:   make(map[string]person),
		read:     make(map[thread]int),
		outbound: newQueue(),
		inbound:  newQueue(),
		watchers: make(map[chan struct{}]struct{}),
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	for _, m := range kept {
		s.messages = append(s.messages, m)
		s.byID[m.ID] = m
		s.schedule(m)
	}
	return s, nil
}

// Start posts webhooks to listenURL (like http://127.0.0.1:8080) from now on,
// those first that an earlier run left unposted, until ctx ends. It returns at
// once. When ctx ends the live pages' connections end too, so that a server's
// graceful shutdown need not wait for them.
func (s *Simulator) Start(ctx context.Context, listenURL string) {
	s.mu.Lock()
	s.listen = listenURL
	s.mu.Unlock()
	context.AfterFunc(ctx, s.stop)
	s.running.Go(func() { s.work(&s.outbound, s.postReport) })
	s.running.Go(func() { s.work(&s.inbound, s.postText) })
	s.running.Go(s.follow)
}

// Close ends what Start began, waits for it, and closes the file.
func (s *Simulator) Close() error {
	s.stop()
	s.running.Wait()
	s.client.CloseIdleConnections()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.journal.close()
}
