package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// sent is a message as it came to MessageBird.
type sent struct {
	key        string // the Authorization header
	Originator string
	Recipients []string
	Body       string
	Reference  string
	ReportURL  string
	DataCoding string
}

// messageBird stands in for MessageBird's POST /messages.
type messageBird struct {
	*httptest.Server
	mu       sync.Mutex
	messages []sent
	changed  chan struct{} // has something after each message
}

func newMessageBird(t *testing.T) *messageBird {
	t.Helper()
	m := &messageBird{changed: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", m.take)
	m.Server = httptest.NewServer(mux)
	t.Cleanup(m.Close)
	return m
}

func (m *messageBird) take(w http.ResponseWriter, r *http.Request) {
	message := sent{key: r.Header.Get("Authorization")}
	if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	m.messages = append(m.messages, message)
	id := fmt.Sprintf("%032d", len(m.messages))
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"id":%q,"direction":"mt","originator":%q,"body":%q,"reference":%q,
		"createdDatetime":"2026-11-21T10:30:59+00:00","recipients":{"totalCount":1,"items":[{"recipient":%s,"status":"sent"}]}}`,
		id, message.Originator, message.Body, message.Reference, message.Recipients[0])
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// wait is every message so far, once there are n.
func (m *messageBird) wait(t *testing.T, n int) []sent {
	t.Helper()
	deadline := time.After(patience)
	for {
		m.mu.Lock()
		messages := append([]sent(nil), m.messages...)
		m.mu.Unlock()
		if len(messages) >= n {
			return messages
		}
		select {
		case <-m.changed:
		case <-deadline:
			t.Fatalf("%d messages arrived at MessageBird, want %d: %+v", len(messages), n, messages)
		}
	}
}

// admin is somebody at the admin pages without a browser, as with curl.
type admin struct {
	t      testing.TB
	base   string
	client *http.Client
}

func newAdmin(t testing.TB, base string) *admin {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &admin{t, base, &http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// signedIn is an admin who has signed in.
func signedIn(t testing.TB, base, password string) *admin {
	t.Helper()
	a := newAdmin(t, base)
	a.post("/login", url.Values{"password": {password}})
	return a
}

func (a *admin) get(path string) answer {
	a.t.Helper()
	response, err := a.client.Get(a.base + path)
	return receive(a.t, response, err)
}

// post sends a form and wants to be sent on, as after every form that was taken.
func (a *admin) post(path string, fields url.Values) {
	a.t.Helper()
	response, err := a.client.PostForm(a.base+path, fields)
	if got := receive(a.t, response, err); got.status != http.StatusSeeOther {
		a.t.Fatalf("POST %s: status %d, want 303\n%s", path, got.status, got.body)
	}
}

// id is the value of the option of the home page's form that begins with name.
func (a *admin) id(name string) string {
	a.t.Helper()
	home := a.get("/").body
	option := regexp.MustCompile(`<option value="(\d+)"[^>]*>\s*` + regexp.QuoteMeta(name)).FindStringSubmatch(home)
	if option == nil {
		a.t.Fatalf("nobody called %s to choose on the home page:\n%s", name, home)
	}
	return option[1]
}

// ride creates a ride between two people on the lists.
func (a *admin) ride(customer, driver string, at time.Time) {
	a.t.Helper()
	a.post("/createride", url.Values{
		"customer": {a.id(customer)}, "driver": {a.id(driver)},
		"start": {"Dam 1"}, "destination": {"Schiphol"}, "datetime": {at.Format("2006-01-02T15:04")},
	})
}

// The whole way without a browser: log in, fill the lists, create a ride, and
// see what reaches MessageBird and the people.
func TestBirdCar_MessageBird(t *testing.T) {
	carrier := newMessageBird(t)
	b := start(t, newDatabase(t), map[string]string{
		"MESSAGEBIRD_API_KEY": "live_key",
		"MESSAGEBIRD_API_URL": carrier.URL,
		"PUBLIC_URL":          "https://birdcar.example.com",
		"WEBHOOK_TOKEN":       "a-token",
		"ADMIN_PASSWORD":      "correct horse",
		"TIME_ZONE":           "UTC",
	})
	const ada, ben, proxy = "+447700900111", "+447700900222", "+442079460123"
	at := time.Now().UTC().Add(2 * time.Hour)
	when := at.Format("2006-01-02 15:04")

	a := newAdmin(t, b.base)
	if got := a.get("/"); got.status != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Location"), "/login") {
		t.Fatalf("signed out, GET / answers %d to %q, want a redirect to /login", got.status, got.header.Get("Location"))
	}
	a.post("/login", url.Values{"password": {"correct horse"}})
	a.post("/customers", url.Values{"name": {"Ada"}, "number": {"07700 900111"}})
	a.post("/drivers", url.Values{"name": {"Ben"}, "number": {"+44 7700 900222"}})
	a.post("/numbers", url.Values{"number": {proxy}})
	a.ride("Ada", "Ben", at)

	bodies := map[string]string{}
	for _, m := range carrier.wait(t, 2) {
		if m.key != "AccessKey live_key" || m.Originator != digits(proxy) || len(m.Recipients) != 1 || m.DataCoding != "auto" {
			t.Errorf("MessageBird got %+v, want one recipient, from the proxy number, with the key and datacoding auto", m)
		}
		if m.Reference == "" || m.ReportURL != "https://birdcar.example.com/webhook-status?token=a-token" {
			t.Errorf("MessageBird got reference %q and report URL %q", m.Reference, m.ReportURL)
		}
		bodies[m.Recipients[0]] = m.Body
	}
	for to, want := range map[string]string{
		ada: "Ben will pick you up at " + when + ". Reply to this message or call this number to contact the driver.",
		ben: "Ada will wait for you at " + when + ". Reply to this message or call this number to contact the customer.",
	} {
		if got := bodies[digits(to)]; got != want {
			t.Errorf("to %s: got %q, want %q", to, got, want)
		}
	}

	const reply = "Running late — 5 min 🐦"
	if got := b.textIn(t, "f91908b75f9e4b1fba3b96dc44995f03", ada, proxy, reply); got.status != http.StatusOK || got.body != "OK" {
		t.Errorf("POST /webhook: %d %q, want 200 OK", got.status, got.body)
	}
	relayed := carrier.wait(t, 3)[2]
	if relayed.Originator != digits(proxy) || relayed.Recipients[0] != digits(ben) || relayed.Body != reply {
		t.Errorf("relayed %+v, want the reply at Ben's from the proxy number", relayed)
	}

	for from, to := range map[string]string{ada: ben, ben: ada} {
		got := b.callIn(t, from, proxy)
		if got.status != http.StatusOK || got.body != transferTo(to) || !strings.HasPrefix(got.header.Get("Content-Type"), "application/xml") {
			t.Errorf("%s calls: %d %s %q, want %q", from, got.status, got.header.Get("Content-Type"), got.body, transferTo(to))
		}
	}
	if got := b.callIn(t, "+447700900333", proxy); got.status != http.StatusOK || !strings.Contains(got.body, "<Say ") || strings.Contains(got.body, "7700900") {
		t.Errorf("a stranger calls: %d %q, want to be told something", got.status, got.body)
	}

	b.token = "another"
	if got := b.textIn(t, "x1", ada, proxy, "let me in"); got.status != http.StatusUnauthorized {
		t.Errorf("a text with a wrong token: status %d, want 401", got.status)
	}
	if got := b.callIn(t, ada, proxy); got.status != http.StatusUnauthorized || strings.Contains(got.body, "7700900") {
		t.Errorf("a call with a wrong token: %d %q, want 401", got.status, got.body)
	}
	b.stop()
	if got := len(carrier.wait(t, 3)); got != 3 {
		t.Errorf("%d messages reached MessageBird, want 3", got)
	}
	noLeak(t, "standard output", b.out.String(), ada, ben, "live_key", "correct horse")
	noLeak(t, "the log", b.log.String(), ada, ben, "live_key", "a-token", "correct horse", "Running late")
}

// noLeak fails when text holds one of the secrets: a phone number in any
// spelling, or any other text as it is.
func noLeak(t *testing.T, where, text string, secrets ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		for _, secret := range secrets {
			number, isNumber := strings.CutPrefix(secret, "+")
			if isNumber && strings.Contains(digits(line), number) || strings.Contains(line, secret) {
				t.Errorf("%s holds %s: %s", where, secret, line)
			}
		}
	}
}
