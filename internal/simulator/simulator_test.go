package simulator

import (
	"bytes"
	"context"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
	"birdcar/web"
)

const (
	apiKey     = "the API key"
	signingKey = "the signing key"
	publicURL  = "https://birdcar.example"
	token      = "a+token/with=signs"
	patience   = 10 * time.Second
)

var (
	ada   = masking.Party{ID: 1, Role: masking.Customer, Name: "Ada Lovelace", Number: number("447700900101")}
	ben   = masking.Party{ID: 2, Role: masking.Driver, Name: "Ben Nevis", Number: number("447700900202")}
	proxy = number("442079460001")
)

func number(digits string) masking.Number {
	n, err := masking.ParseCarrier(digits, "GB")
	if err != nil {
		panic(err)
	}
	return n
}

func ride() masking.Ride {
	return masking.Ride{ID: 12, Customer: ada, Driver: ben, State: masking.Open, Proxy: masking.ProxyNumber{ID: 1, Number: proxy}}
}

// world is a simulator and what surrounds it in a test.
type world struct {
	cfg    Config
	events chan masking.Event

	mu    sync.Mutex
	rides []masking.Ride
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{events: make(chan masking.Event, 16), rides: []masking.Ride{ride()}}
	w.cfg = Config{
		APIKey: apiKey, SigningKey: signingKey, PublicURL: publicURL, Token: token, Country: "GB",
		Now: time.Now,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Rides: func(context.Context) ([]masking.Ride, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.rides, nil
		},
		Subscribe: func() (<-chan masking.Event, func()) { return w.events, func() {} },
		Render:    render,
	}
	return w
}

func (w *world) setRides(rides ...masking.Ride) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rides = rides
}

// simulator makes a simulator that is closed at the test's end.
func (w *world) simulator(t *testing.T) *Simulator {
	t.Helper()
	s, err := New(w.cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// render executes the parts of the page that the server's layout would.
func render(w http.ResponseWriter, _ *http.Request, status int, page string, data any) error {
	t, err := template.New("").Funcs(web.Funcs(time.UTC, time.Now)).ParseFS(web.FS, "templates/"+page+".html")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, part := range []string{"title", "head", "main"} {
		if err := t.ExecuteTemplate(&b, part, struct{ Data any }{data}); err != nil {
			return err
		}
	}
	w.WriteHeader(status)
	_, err = b.WriteTo(w)
	return err
}

// eventually waits until ok is true, looking again whenever something changed on
// the phones.
func eventually(t *testing.T, s *Simulator, what string, ok func() bool) {
	t.Helper()
	changes, cancel := s.watch()
	defer cancel()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-changes:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// newest is the newest text that the simulator has, if any.
func newest(s *Simulator) message {
	page, _ := s.list(filter{}, 0, 1)
	if len(page) == 0 {
		return message{}
	}
	return page[0]
}

// textFrom has a handset send a text, and returns its id.
func textFrom(t *testing.T, s *Simulator, from, to masking.Number, body string) string {
	t.Helper()
	m := message{
		ID: newID(), Direction: fromHandset, Type: "sms", Created: s.cfg.Now(), Originator: from.Digits(), Body: body,
		Recipients: []recipient{{Number: to.Digits(), Status: sent, StatusAt: s.cfg.Now()}},
	}
	if err := s.keep(m); err != nil {
		t.Fatal(err)
	}
	return m.ID
}

// client is BirdCar's own client of the simulator's API.
func client(t *testing.T, s *Simulator, key string) *carrier.Client {
	t.Helper()
	api := httptest.NewServer(s.API())
	t.Cleanup(api.Close)
	return carrier.New(carrier.Config{
		APIKey: key, APIURL: api.URL + "/simulator/messagebird",
		ReportURL: publicURL + "/webhook-status?token=secret",
	})
}

func outgoing(reference, body string) masking.Message {
	return masking.Message{From: proxy, To: ben.Number, Body: body, Reference: reference}
}

func TestNew_RequiresItsConfig(t *testing.T) {
	for name, spoil := range map[string]func(*Config){
		"API key":       func(c *Config) { c.APIKey = "" },
		"signing key":   func(c *Config) { c.SigningKey = "" },
		"public URL":    func(c *Config) { c.PublicURL = "" },
		"webhook token": func(c *Config) { c.Token = "" },
		"Rides":         func(c *Config) { c.Rides = nil },
		"Render":        func(c *Config) { c.Render = nil },
		"a file in a folder that is not there": func(c *Config) {
			c.File = filepath.Join(t.TempDir(), "missing", "file")
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := newWorld(t).cfg
			spoil(&cfg)
			if s, err := New(cfg); err == nil {
				_ = s.Close()
				t.Error("got a simulator, want an error")
			}
		})
	}
}
