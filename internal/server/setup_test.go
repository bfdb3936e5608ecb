package server_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/html"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
	"birdcar/internal/server"
)

// checkOn is what the self-test says of one thing: its word and its sentences.
func (a answer) checkOn(name string) string {
	a.t.Helper()
	for li := range a.all("li") {
		for h := range li.Descendants() {
			if h.Type == html.ElementNode && h.Data == "h3" && textOf(h) == name {
				return strings.Replace(textOf(li), name+" ", "", 1)
			}
		}
	}
	return ""
}

func (a answer) wantCheck(name, want string) {
	a.t.Helper()
	if got := a.checkOn(name); !strings.Contains(got, want) {
		a.t.Errorf("%s: the self-test says %q, want %q in it", name, got, want)
	}
}

func TestSetup_simulator(t *testing.T) {
	s := openSite(t, filepath.Join(t.TempDir(), "birdcar.db"))
	s.login()
	page := s.get("/setup").wantStatus(200)
	copied := map[string]bool{}
	for b := range page.all("button") {
		copied[attribute(b, "data-copy")] = true
	}
	if !copied[publicURL+"/webhook?token="+token] || !copied[publicURL+"/webhook-voice?token="+token] {
		t.Errorf("the URLs to copy are %v", copied)
	}
	page.wantCheck("API key", "optional The simulator carries texts and calls")
	page.wantCheck("Signing key", "optional The simulator signs its webhooks")
	page.wantCheck("Public URL", "fine "+publicURL)
	page.wantCheck("Database", "fine SQLite")
	page.wantCheck("Database", "texts survive a power failure")
	page.wantCheck("Database", "No damage found.")
	page.wantCheck("Disk space", "free of")
}

func TestSetup_kept(t *testing.T) {
	s := openSite(t, filepath.Join(t.TempDir(), "birdcar.db"))
	s.login()
	for keep, want := range map[time.Duration]string{
		0:               "Everything, for ever",
		24 * time.Hour:  "A ride is deleted a day after it closed",
		36 * time.Hour:  "A ride is deleted 36 hours after it closed",
		720 * time.Hour: "A ride is deleted 30 days after it closed, with its texts, and a call 30 days after it was made.",
	} {
		s.exchange.Keep = keep
		s.get("/setup").wantText(want)
	}
}

func TestSetup_carrier(t *testing.T) {
	balance := carrier.Balance{Payment: "prepaid", Type: "euros", Amount: 9.2, Answered: time.Date(2026, 11, 20, 17, 0, 2, 0, time.UTC)}
	var failure error
	var sending masking.SendingStatus
	s := openSite(t, filepath.Join(t.TempDir(), "birdcar.db"), func(c *server.Config) {
		c.Simulated, c.Verifier = false, nil
		c.Balance = func(context.Context) (carrier.Balance, error) { return balance, failure }
		c.Sending = func() masking.SendingStatus { return sending }
	})
	s.login()
	page := s.get("/setup")
	page.wantCheck("API key", "fine MessageBird accepts it.")
	page.wantCheck("Balance", "fine 9.20 euros, prepaid.")
	page.wantCheck("Clock", "fine 2s apart")
	page.wantCheck("Signing key", "to do None is set")
	page.wantCheck("Texts leave", "fine")
	page.wantText("1 thing to do")

	balance.Amount, balance.Answered = 0, balance.Answered.Add(5*time.Minute)
	balance.TestKey = true
	sending = masking.SendingStatus{Stopped: true, Account: true, Reason: "MessageBird says that the balance is used up."}
	page = s.get("/setup")
	page.wantCheck("API key", "to do This is a test key: MessageBird sends nothing with it. Set the live key")
	page.wantCheck("Balance", "to do")
	page.wantCheck("Clock", "to do 5m2s apart")
	page.wantCheck("Texts leave", "to do Sending is paused: MessageBird says that the balance is used up. Texts wait, and none is lost. If the balance is used up")
	page.wantText("No text leaves now. MessageBird says that the balance is used up. Texts wait, and none is lost. If the balance is used up, top it up, " +
		"and they leave by themselves. If the key is refused, set MESSAGEBIRD_API_KEY to a new one and start BirdCar again. Setup tells which.")
	sending.Account = false
	s.get("/").wantText("They leave by themselves once the carrier answers again.")

	failure = &masking.CarrierError{Outcome: masking.Refused, Code: 2, Reason: "MessageBird does not accept the API key."}
	page = s.get("/setup")
	page.wantCheck("API key", "to do MessageBird does not accept the API key.")
	if page.checkOn("Balance") != "" {
		t.Error("a balance is shown that nobody told")
	}
}

// Somebody who leaves the page before the test is done raises no alarm.
func TestSetup_left(t *testing.T) {
	ctx, leave := context.WithCancel(t.Context())
	s := newSite(t, func(c *server.Config) {
		c.Simulated = false
		c.Balance = func(ctx context.Context) (carrier.Balance, error) {
			leave()
			return carrier.Balance{}, ctx.Err()
		}
	})
	s.login()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/setup", nil)
	r.AddCookie(s.client.Jar.Cookies(mustURL(t, s.url))[0])
	s.server.Handler().ServeHTTP(httptest.NewRecorder(), r)
	if ctx.Err() == nil {
		t.Fatal("the self-test did not run")
	}
	if strings.Contains(s.logs.String(), "level=ERROR") {
		t.Errorf("the log says: %s", s.logs)
	}
}

func TestSetup_publicURL(t *testing.T) {
	for address, want := range map[string]string{
		"http://localhost:8080":       "to do",
		"http://127.0.0.1:8080":       "to do",
		"http://192.168.1.7":          "to do",
		"http://birdcar.example":      "Use https",
		"https://birdcar.example/app": "fine",
	} {
		s := newSite(t, func(c *server.Config) { c.PublicURL, c.Simulated = address, false })
		s.login()
		s.get("/setup").wantCheck("Public URL", want)
	}
}

func TestSetup_webhooks(t *testing.T) {
	s := newSite(t)
	s.login()
	_, _, number := s.seed()
	for _, kind := range []string{"Texts come in", "Calls come in", "Delivery reports come in"} {
		s.get("/setup").wantCheck(kind, "not yet None yet.")
	}
	for _, stranger := range []string{"", "?token="} {
		s.get("/webhook-voice" + stranger).wantStatus(401)
		s.get("/setup").wantCheck("Calls come in", "not yet None yet.")
	}
	s.do(http.MethodGet, "/webhook-voice?token=wrong&source=447700900123&destination=447700900001", "").wantStatus(401)
	s.get("/setup").wantCheck("Calls come in", "to do One was refused today 18:00.")
	s.get("/setup").wantCheck("Texts come in", "not yet")
	s.do(http.MethodGet, "/webhook-status", "", carrier.SignatureHeader, "wrong").wantStatus(401)
	s.get("/setup").wantCheck("Delivery reports come in", "to do One was refused today 18:00.")

	s.textIn("one", "+447700900123", number.Number.E164(), "Hello").wantStatus(200)
	s.get("/webhook-status?token=" + token + "&reference=nobodys&status=delivered&id=x").wantStatus(200)
	s.get("/setup").wantCheck("Texts come in", "fine The last one came today 18:00.")
	s.get("/setup").wantCheck("Delivery reports come in", "fine")
	s.textIn("", "", "", "").wantStatus(400)
	s.get("/setup").wantCheck("Texts come in", "fine") // what came was let in
}

// A request under way when all are signed out, and in which the session's use would be noted, does
// not bring the session back.
func TestSignOutEverywhere_beside(t *testing.T) {
	var shift atomic.Int64
	s := newSite(t, func(c *server.Config) { c.Now = func() time.Time { return testNow.Add(time.Duration(shift.Load())) } })
	s.login()
	shift.Store(int64(time.Hour))
	arrives, rest := io.Pipe()
	reading := make(chan struct{})
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { close(reading) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/customers", arrives)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Expect", "100-continue")
	slow := *s.client
	slow.Transport = &http.Transport{ExpectContinueTimeout: time.Minute}
	answered := make(chan error)
	go func() {
		answer, err := slow.Do(r)
		if err == nil {
			err = answer.Body.Close()
		}
		answered <- err
	}()
	<-reading
	if err := s.store.SignOutAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(rest, "name=Ada&number=%2B447700900123"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(rest.Close(), <-answered); err != nil {
		t.Fatal(err)
	}
	s.get("/customers").wantRedirect("/login?next=%2Fcustomers")
}

func TestSignOutEverywhere(t *testing.T) {
	s := newSite(t)
	s.login()
	elsewhere := s.client
	s.client = s.newBrowser()
	s.login()
	ask := s.get("/sign-out-everywhere").wantStatus(200)
	ask.wantText("Every browser that is signed in, this one too, has to sign in again.")
	if strings.Contains(ask.text(), "link") {
		t.Error("with a password, a login link is asked for")
	}
	s.get("/numbers").wantStatus(200) // asking ends no session
	s.post("/sign-out-everywhere").wantRedirect("/login")
	s.get("/numbers").wantRedirect("/login?next=%2Fnumbers")
	s.client = elsewhere
	s.get("/numbers").wantRedirect("/login?next=%2Fnumbers")
	s.login()
	s.get("/numbers").wantStatus(200)
}

// Without a password only a restart lets in again, so the bar's button asks first.
func TestSignOut_asks(t *testing.T) {
	s := newSite(t)
	s.login()
	if got := s.get("/").signOut(); got != "post /logout" {
		t.Errorf("with a password, signing out is %q", got)
	}
	s = newSite(t, func(c *server.Config) { c.Password = "" })
	s.get(s.server.LoginLink("")).wantRedirect("/")
	if got := s.get("/").signOut(); got != "get /sign-out" {
		t.Errorf("without a password, signing out is %q", got)
	}
	ask := s.get("/sign-out").wantStatus(200)
	ask.wantText("ADMIN_PASSWORD is not set, so signing in again needs a new login link: each start of BirdCar prints one.")
	s.get("/numbers").wantStatus(200) // asking signs nobody out
	s.post(ask.action("/logout")).wantRedirect("/login")
	s.get("/numbers").wantRedirect("/login?next=%2Fnumbers")
}

// signOut is how the bar signs out: the method and the address of its form.
func (a answer) signOut() string {
	for form := range a.all("form") {
		if attribute(form, "class") == "sign-out" {
			return attribute(form, "method") + " " + attribute(form, "action")
		}
	}
	return ""
}
