package server_test

import (
	"context"
	"flag"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/server"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
	"birdcar/web"
)

const (
	publicURL  = "https://birdcar.example"
	token      = "a-token-for-tests"
	signingKey = "a-signing-key-for-tests"
	password   = "a password for tests"
)

// shown are the pages that some test has seen.
var shown sync.Map

// TestMain fails when a page was shown by no test: a template that nothing
// executes may be broken. The simulator's page has its tests there.
func TestMain(m *testing.M) {
	code := m.Run()
	files, err := fs.Glob(web.FS, "templates/*.html")
	if err != nil {
		panic(err)
	}
	everything := flag.Lookup("test.run").Value.String() == ""
	for _, file := range files {
		page := strings.TrimSuffix(path.Base(file), ".html")
		if _, ok := shown.Load(page); !ok && page != "layout" && page != "simulator" && code == 0 && everything {
			_, _ = os.Stderr.WriteString("page " + page + " was shown by no test\n")
			code = 1
		}
	}
	os.Exit(code)
}

// testNow is when it is: 18:00 in Amsterdam.
var testNow = time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)

// noOutbox leaves every message in the database.
type noOutbox struct{}

func (noOutbox) Ready() bool             { return false }
func (noOutbox) Hand(...masking.Message) {}

// site is a BirdCar with a real store, and a browser before it.
type site struct {
	t        *testing.T
	store    *store.Store
	exchange *exchange.Exchange
	server   *server.Server
	url      string
	client   *http.Client
	logs     *strings.Builder
}

// newSite starts a BirdCar on a new database; change adapts its configuration.
func newSite(t *testing.T, change ...func(*server.Config)) *site {
	t.Helper()
	return openSite(t, storetest.Database(t), change...)
}

func openSite(t *testing.T, database string, change ...func(*server.Config)) *site {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return testNow }
	s := &site{t: t, logs: new(strings.Builder)}
	var logging sync.Mutex
	log := slog.New(slog.NewTextHandler(lockedWriter{&logging, s.logs}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if s.store, err = store.Open(context.Background(), database, now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	s.exchange, err = exchange.New(exchange.Config{Store: s.store, Outbox: noOutbox{}, Zone: zone, Country: "GB",
		RideLimit: 24 * time.Hour, Linger: 4 * time.Hour, Lease: time.Minute, Now: now, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := carrier.NewVerifier(signingKey, now)
	if err != nil {
		t.Fatal(err)
	}
	cfg := server.Config{Store: s.store, Exchange: s.exchange, PublicURL: publicURL, Token: token, Verifier: verifier,
		Password: password, Country: "GB", Zone: zone, Now: now, Log: log, Simulated: true}
	for _, c := range change {
		c(&cfg)
	}
	if s.server, err = server.New(cfg); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(s.server.Handler())
	t.Cleanup(listener.Close)
	s.url = listener.URL
	s.client = s.newBrowser()
	return s
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// newBrowser is a client with cookies of its own, which shows redirects instead of
// following them.
func (s *site) newBrowser() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// answer is a response, read.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   string
}

func (s *site) do(method, target, body string, headers ...string) answer {
	s.t.Helper()
	r, err := http.NewRequest(method, s.url+target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	resp, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{s.t, resp.StatusCode, resp.Header, string(content)}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") {
		for body := range a.all("body") {
			page, _ := strings.CutPrefix(attribute(body, "class"), "page-")
			shown.Store(page, true)
		}
	}
	return a
}

func (s *site) get(target string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, target, "")
}

// post sends a form; fields are names and values in turn.
func (s *site) post(target string, fields ...string) answer {
	s.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return s.do(http.MethodPost, target, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (s *site) login() {
	s.t.Helper()
	if a := s.post("/login", "password", password); a.status != http.StatusSeeOther {
		s.t.Fatalf("login answered %d", a.status)
	}
}

// seed adds a customer, a driver and a proxy number.
func (s *site) seed() (customer, driver masking.Party, number masking.ProxyNumber) {
	s.t.Helper()
	ctx := context.Background()
	var err error
	if customer, err = s.exchange.AddParty(ctx, masking.Customer, "Ada", "+447700900123"); err != nil {
		s.t.Fatal(err)
	}
	if driver, err = s.exchange.AddParty(ctx, masking.Driver, "Ben", "+447700900456"); err != nil {
		s.t.Fatal(err)
	}
	if number, err = s.exchange.AddNumber(ctx, "+447700900001"); err != nil {
		s.t.Fatal(err)
	}
	return customer, driver, number
}

func (a answer) wantStatus(want int) answer {
	a.t.Helper()
	if a.status != want {
		a.t.Errorf("status %d, want %d; body: %s", a.status, want, a.text())
	}
	return a
}

// wantRedirect checks that the answer sends the browser on to a path.
func (a answer) wantRedirect(want string) {
	a.t.Helper()
	if got := a.header.Get("Location"); a.status != http.StatusSeeOther || got != want {
		a.t.Errorf("answered %d to %q, want 303 to %q", a.status, got, want)
	}
}

func (a answer) wantText(want string) {
	a.t.Helper()
	if !strings.Contains(a.text(), want) {
		a.t.Errorf("the page lacks %q; it reads: %s", want, a.text())
	}
}

func (a answer) parse() *html.Node {
	a.t.Helper()
	doc, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		a.t.Fatal(err)
	}
	return doc
}

// all yields the elements with this name.
func (a answer) all(name string) func(func(*html.Node) bool) {
	doc := a.parse()
	return func(yield func(*html.Node) bool) {
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode && n.Data == name && !yield(n) {
				return
			}
		}
	}
}

// control is the input or select of that name.
func (a answer) control(name string) *html.Node {
	a.t.Helper()
	for _, tag := range []string{"input", "select"} {
		for n := range a.all(tag) {
			if attribute(n, "name") == name {
				return n
			}
		}
	}
	a.t.Fatalf("no control is named %s", name)
	return nil
}

// value is what the control of that name holds.
func (a answer) value(name string) string {
	a.t.Helper()
	n := a.control(name)
	if n.Data == "input" {
		return attribute(n, "value")
	}
	for option := range n.Descendants() {
		if option.Data == "option" && has(option, "selected") {
			return attribute(option, "value")
		}
	}
	return ""
}

// problem is what the page says is wrong with the control of that name, found as a
// screen reader finds it.
func (a answer) problem(name string) string {
	a.t.Helper()
	n := a.control(name)
	if attribute(n, "aria-invalid") != "true" {
		return ""
	}
	said := strings.Fields(attribute(n, "aria-describedby"))
	for p := range a.all("p") {
		if attribute(p, "class") == "problem" && slices.Contains(said, attribute(p, "id")) {
			return textOf(p)
		}
	}
	a.t.Errorf("%s is invalid, and nothing says why", name)
	return ""
}

// title is what the browser calls the page.
func (a answer) title() string {
	for title := range a.all("title") {
		return textOf(title)
	}
	return ""
}

// text is what a reader sees of the answer.
func (a answer) text() string { return textOf(a.parse()) }

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
			if next := d.NextSibling; d.Parent.Data != "bdi" && (next == nil || next.Data != "bdi") { // which goes on in its sentence
				b.WriteString(" ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}
