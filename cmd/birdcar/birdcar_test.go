package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// instance is the whole program, started as main starts it, on a free port.
type instance struct {
	base  string  // http://127.0.0.1:port
	login string  // the one-time link; empty with a password
	token string  // of the webhooks
	out   *output // what it printed: standard output
	log   *output // what it logged: standard error
	stop  func()
}

var (
	printedBase  = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	printedLogin = regexp.MustCompile(`http://\S+/login\?key=\S+`)
	printedToken = regexp.MustCompile(`/webhook-voice\?token=(\S+)`)
)

// start runs BirdCar over the database file until stop, which waits for its end.
// A test that does not stop it has it stopped at its end.
func start(t testing.TB, database string, env map[string]string) *instance {
	t.Helper()
	settings := map[string]string{"ADDR": "127.0.0.1:0", "DATABASE_URL": database, "DEFAULT_COUNTRY": "GB"}
	for name, value := range env {
		settings[name] = value
	}
	ctx, cancel := context.WithCancel(context.Background())
	out, log := newOutput(), newOutput()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"birdcar"}, func(name string) string { return settings[name] }, out, log)
	}()
	i := &instance{out: out, log: log}
	i.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v\n%s", err, log)
		}
	})
	t.Cleanup(i.stop)

	// The webhook for calls is the last thing that a start prints.
	deadline := time.After(patience)
	for !printedToken.MatchString(out.String()) {
		select {
		case <-out.changed:
		case err := <-ended:
			ended <- nil
			t.Fatalf("run: %v\n%s", err, log)
		case <-deadline:
			t.Fatalf("no webhook URLs were printed:\n%s", out)
		}
	}
	printed := out.String()
	i.base = printedBase.FindString(printed)
	i.login = printedLogin.FindString(printed)
	i.token = printedToken.FindStringSubmatch(printed)[1]
	return i
}

// newDatabase is the path of a database that does not exist yet.
func newDatabase(t testing.TB) string { return filepath.Join(t.TempDir(), "birdcar.db") }

// output is what the program printed and logged so far.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // has something after each Write
}

func newOutput() *output { return &output{changed: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.changed <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// answer is an HTTP answer with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

func receive(t testing.TB, response *http.Response, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// textIn posts a text to the webhook as MessageBird does.
func (i *instance) textIn(t *testing.T, id, from, to, body string) answer {
	t.Helper()
	response, err := http.PostForm(i.base+"/webhook?token="+url.QueryEscape(i.token), url.Values{
		"id": {id}, "message_id": {id}, "reference": {"47749346971"},
		"originator": {digits(from)}, "sender": {digits(from)},
		"recipient": {digits(to)}, "receiver": {digits(to)},
		"payload": {body}, "body": {body}, "message": {body},
		"createdDatetime": {"2026-11-21T10:30:59+00:00"}, "date": {"1795289459"}, "date_utc": {"1795260659"},
	})
	return receive(t, response, err)
}

// callIn fetches the call flow as MessageBird does.
func (i *instance) callIn(t *testing.T, from, to string) answer {
	t.Helper()
	query := url.Values{
		"callID": {"2894efe1-6ab4-4d4c-8f5b-3a8f1d6b7f11"}, "numberID": {"272cca7c-41c6-4c5f-9f5e-1e3f5a0c9d55"},
		"source": {digits(from)}, "destination": {digits(to)}, "variables": {"{}"}, "token": {i.token},
	}
	response, err := http.Get(i.base + "/webhook-voice?" + query.Encode())
	return receive(t, response, err)
}

// digits is a phone number as carriers write it, without + and spaces.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}

// transferTo is the call flow that connects a caller with number.
func transferTo(number string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?><Transfer destination="%s" mask="true" />`, digits(number))
}
