package server_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/server"
	"birdcar/internal/store"
)

const (
	formType = "application/x-www-form-urlencoded"
	textBody = "id=1&originator=447700900123&recipient=447700900001&payload=Where+are+you%3F"
	callFrom = "callID=c1&source=447700900123&destination=447700900001"
	report   = "id=unknown&reference=unknown&recipient=447700900123&status=delivered"
)

// ride adds a ride of Ada's with Ben.
func (s *site) ride() masking.Ride {
	s.t.Helper()
	customer, driver, _ := s.seed()
	ride, err := s.exchange.ScheduleRide(context.Background(), masking.RideRequest{CustomerID: customer.ID, DriverID: driver.ID,
		At: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)})
	if err != nil {
		s.t.Fatal(err)
	}
	return ride
}

// texts are the bodies of what was relayed in a ride.
func (s *site) texts(ride masking.Ride) (bodies []string) {
	s.t.Helper()
	messages, err := s.store.Conversation(context.Background(), ride.ID)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, m := range messages {
		if m.Kind == masking.Relaying {
			bodies = append(bodies, m.Body)
		}
	}
	return bodies
}

// sign signs a webhook as MessageBird does. target is its path and query.
func sign(t *testing.T, key, target, body string) string {
	t.Helper()
	signature, err := carrier.Sign(key, publicURL+target, []byte(body), time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func TestWebhooks_letIn(t *testing.T) {
	for _, hook := range []struct{ method, target, body string }{
		{http.MethodPost, "/webhook", textBody},
		{http.MethodGet, "/webhook-voice?" + callFrom, ""},
		{http.MethodGet, "/webhook-status?" + report, ""},
	} {
		with := func(token string) string {
			if strings.Contains(hook.target, "?") {
				return hook.target + "&token=" + token
			}
			return hook.target + "?token=" + token
		}
		signatures := func(values ...string) []string { return values }
		for name, test := range map[string]struct {
			target     string
			signatures []string
			want       int
		}{
			"nothing":                              {hook.target, nil, 401},
			"an empty token":                       {with(""), nil, 401},
			"a wrong token":                        {with("wrong"), nil, 401},
			"the token's beginning":                {with(token[:5]), nil, 401},
			"the token":                            {with(token), nil, 200},
			"a signature":                          {hook.target, signatures(sign(t, signingKey, hook.target, hook.body)), 200},
			"a signature and a wrong token":        {with("wrong"), signatures(sign(t, signingKey, with("wrong"), hook.body)), 200},
			"a wrong signature and the token":      {with(token), signatures("nonsense"), 401},
			"an empty signature and the token":     {with(token), signatures(""), 401},
			"a signature and a wrong one":          {with(token), signatures(sign(t, signingKey, with(token), hook.body), "nonsense"), 401},
			"a signature twice":                    {with(token), slices.Repeat(signatures(sign(t, signingKey, with(token), hook.body)), 2), 401},
			"a signature of another key":           {with(token), signatures(sign(t, "another", with(token), hook.body)), 401},
			"a signature of another address":       {with(token), signatures(sign(t, signingKey, hook.target, hook.body)), 401},
			"a signature of another body":          {with(token), signatures(sign(t, signingKey, with(token), hook.body+"x")), 401},
			"a signature with no key, as alg none": {with(token), signatures("eyJhbGciOiJub25lIn0.eyJpc3MiOiJNZXNzYWdlQmlyZCJ9."), 401},
		} {
			t.Run(hook.target+" with "+name, func(t *testing.T) {
				s := newSite(t)
				ride := s.ride()
				headers := []string{"Content-Type", formType}
				for _, signature := range test.signatures {
					headers = append(headers, carrier.SignatureHeader, signature)
				}
				a := s.do(hook.method, test.target, hook.body, headers...)
				a.wantStatus(test.want)
				if test.want != http.StatusOK && strings.Count(a.body, "\n") != 1 {
					t.Errorf("the answer is not one line: %q", a.body)
				}
				if texts := s.texts(ride); (len(texts) > 0) != (test.want == 200 && hook.method == http.MethodPost) {
					t.Errorf("answered %d, and relayed %q", a.status, texts)
				}
				if logs := s.logs.String(); strings.Contains(logs, token) || strings.Contains(logs, "7700900") {
					t.Errorf("a token or a number is in the log: %s", logs)
				}
			})
		}
	}
}

func TestWebhooks_letIn_withoutASigningKey(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.Verifier = nil })
	s.ride()
	signature := sign(t, signingKey, "/webhook", textBody)
	s.do(http.MethodPost, "/webhook", textBody, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(401)
	s.do(http.MethodPost, "/webhook?token="+token, textBody, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(200)
}

// Behind a proxy that takes PUBLIC_URL's path off, a signature covers the address with it.
func TestWebhooks_letIn_underAPath(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.PublicURL = publicURL + "/app" })
	ride := s.ride()
	for _, hook := range []struct{ method, target, body string }{
		{http.MethodPost, "/webhook", textBody},
		{http.MethodGet, "/webhook-voice?" + callFrom, ""},
		{http.MethodGet, "/webhook-status?" + report, ""},
	} {
		called := func(signed string) answer {
			return s.do(hook.method, hook.target, hook.body, "Content-Type", formType, carrier.SignatureHeader, sign(t, signingKey, signed, hook.body))
		}
		called(hook.target).wantStatus(401)
		called("/app" + hook.target).wantStatus(200)
	}
	if texts := s.texts(ride); len(texts) != 1 {
		t.Errorf("relayed %q, want the text once", texts)
	}
}

func TestWebhooks_replay(t *testing.T) {
	s := newSite(t)
	ride := s.ride()
	for _, hook := range []struct{ method, target, body string }{
		{http.MethodPost, "/webhook", textBody},
		{http.MethodGet, "/webhook-voice?" + callFrom, ""},
	} {
		signature := sign(t, signingKey, hook.target, hook.body)
		s.do(hook.method, hook.target, hook.body, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(200)
		s.do(hook.method, hook.target, hook.body, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(401)
	}
	if texts := s.texts(ride); len(texts) != 1 {
		t.Errorf("relayed %q, want the text once", texts)
	}
}

func TestWebhook_text(t *testing.T) {
	s := newSite(t)
	ride := s.ride()
	a := s.do(http.MethodPost, "/webhook?token="+token, textBody, "Content-Type", formType).wantStatus(200)
	if a.body != "OK" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
		t.Errorf("answered %q as %q", a.body, a.header.Get("Content-Type"))
	}
	s.do(http.MethodPost, "/webhook?token="+token, textBody, "Content-Type", formType).wantStatus(200)
	s.do(http.MethodPost, "/webhook?token="+token,
		`{"id":"2","originator":"447700900456","recipient":"447700900001","payload":"Два минути 🚕"}`, "Content-Type", "application/json").wantStatus(200)
	s.do(http.MethodPost, "/webhook?token="+token,
		"id=3&originator=447700900999&recipient=447700900001&payload=stranger", "Content-Type", formType).wantStatus(200)
	if got, want := strings.Join(s.texts(ride), "|"), "Where are you?|Два минути 🚕"; got != want {
		t.Errorf("relayed %q, want %q", got, want)
	}
}

func TestWebhook_badInput(t *testing.T) {
	s := newSite(t)
	ride := s.ride()
	target := "/webhook?token=" + token
	for name, test := range map[string]struct {
		method, target, contentType, body string
		want                              int
	}{
		"no body":                {"POST", target, formType, "", 400},
		"no originator":          {"POST", target, formType, "recipient=447700900001&payload=x", 400},
		"no recipient":           {"POST", target, formType, "originator=447700900123&payload=x", 400},
		"no text":                {"POST", target, formType, "originator=447700900123&recipient=447700900001", 400},
		"a word as a number":     {"POST", target, formType, "originator=Ada&recipient=447700900001&payload=x", 400},
		"truncated JSON":         {"POST", target, "application/json", `{"originator":"4477`, 400},
		"another content type":   {"POST", target, "image/png", "x", 400},
		"a broken form":          {"POST", target, formType, "%zz=%zz&;;", 400},
		"thousands of fields":    {"POST", target, formType, strings.Repeat("a=1&", 5000), 400},
		"more than 64 KB":        {"POST", target, formType, "payload=" + strings.Repeat("x", 64<<10), 413},
		"10 MB":                  {"POST", target, formType, strings.Repeat("x", 10<<20), 413},
		"a text with GET":        {"GET", target, "", "", 405},
		"a text with PUT":        {"PUT", target, formType, textBody, 405},
		"a call with POST":       {"POST", "/webhook-voice?token=" + token, "", "", 405},
		"a report with POST":     {"POST", "/webhook-status?token=" + token, "", "", 405},
		"a report about nothing": {"GET", "/webhook-status?token=" + token, "", "", 400},
		"a report of no status":  {"GET", "/webhook-status?id=1&status=lost&token=" + token, "", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(test.method, test.target, test.body, "Content-Type", test.contentType)
			a.t = t
			a.wantStatus(test.want)
			if strings.Count(a.body, "\n") != 1 || len(a.body) > 200 {
				t.Errorf("the answer is not one short line: %q", a.body)
			}
			if allow := a.header.Get("Allow"); test.want == 405 && allow == "" {
				t.Error("Allow is missing")
			}
		})
	}
	if texts := s.texts(ride); len(texts) > 0 {
		t.Errorf("bad input was relayed: %q", texts)
	}
}

// slowConnection is a connection whose body never arrives: reading it ends when the
// deadline passes that was set for it.
type slowConnection struct {
	*httptest.ResponseRecorder
	deadline chan time.Time
}

func (c slowConnection) SetReadDeadline(t time.Time) error {
	c.deadline <- t
	return nil
}

func (c slowConnection) Read([]byte) (int, error) {
	if wait := time.Until(<-c.deadline); wait > 30*time.Second {
		return 0, errors.New("a slow body is waited for longer than half a minute")
	}
	return 0, os.ErrDeadlineExceeded
}

func TestWebhook_slowBody(t *testing.T) {
	s := newSite(t)
	c := slowConnection{httptest.NewRecorder(), make(chan time.Time, 1)}
	s.server.Handler().ServeHTTP(c, httptest.NewRequest(http.MethodPost, "/webhook?token="+token, c))
	if c.Code != http.StatusRequestTimeout {
		t.Errorf("answered %d %q, want 408", c.Code, c.Body)
	}
}

func TestWebhook_voice(t *testing.T) {
	s := newSite(t)
	s.ride()
	say := func(sentence string) string {
		return `<?xml version="1.0" encoding="UTF-8"?><Say language="en-GB" voice="female">` + sentence + `</Say>`
	}
	for name, test := range map[string]struct{ query, want string }{
		"the customer":    {callFrom, `<?xml version="1.0" encoding="UTF-8"?><Transfer destination="447700900456" mask="true" />`},
		"the driver":      {"source=447700900456&destination=447700900001", `<?xml version="1.0" encoding="UTF-8"?><Transfer destination="447700900123" mask="true" />`},
		"a stranger":      {"source=447700900999&destination=447700900001", say(masking.SayUnknown)},
		"a hidden caller": {"source=Restricted&destination=447700900001", say(masking.SayUnknown)},
		"no caller":       {"destination=447700900001", say(masking.SayUnknown)},
		"nothing":         {"", say(masking.SayUnknown)},
		"no number":       {"source=447700900123&destination=%3Cscript%3E", say(masking.SayUnknown)},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.do(http.MethodGet, "/webhook-voice?token="+token+"&"+test.query, "")
			a.t = t
			a.wantStatus(200)
			if got := a.header.Get("Content-Type"); got != "application/xml" {
				t.Errorf("answered as %q", got)
			}
			if got := a.header.Get("Cache-Control"); got != "no-store" {
				t.Errorf("the answer may be cached: %q", got)
			}
			if a.body != test.want {
				t.Errorf("answered %s, want %s", a.body, test.want)
			}
		})
	}
}

func TestWebhooks_withoutADatabase(t *testing.T) {
	s := newSite(t)
	s.ride()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.do(http.MethodGet, "/webhook-voice?token="+token+"&"+callFrom, "").wantStatus(200)
	if !strings.Contains(a.body, masking.SayUnavailable) {
		t.Errorf("the caller hears %s", a.body)
	}
	a = s.do(http.MethodPost, "/webhook?token="+token, textBody, "Content-Type", formType).wantStatus(503)
	if a.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	s.do(http.MethodGet, "/webhook-status?token="+token+"&"+report, "").wantStatus(503)
	s.get("/healthz").wantStatus(200)
	s.get("/readyz").wantStatus(503)
}

// A signed call is connected although the database takes nothing.
func TestWebhook_voice_signedWhileNothingIsWritten(t *testing.T) {
	s := newSite(t)
	s.ride()
	writers := 1 // of SQLite
	if os.Getenv("TEST_ENGINE") == "postgres" {
		writers = 16
	}
	began, release := make(chan struct{}, writers), make(chan struct{})
	var held sync.WaitGroup
	for range writers {
		held.Go(func() {
			_ = s.store.Tx(context.Background(), func(context.Context, *store.Tx) error {
				began <- struct{}{}
				<-release
				return nil
			})
		})
	}
	for range writers {
		<-began
	}
	const address = "/webhook-voice?" + callFrom
	signature := sign(t, signingKey, address, "")
	a := s.do(http.MethodGet, address, "", carrier.SignatureHeader, signature).wantStatus(200)
	if !strings.Contains(a.body, "<Transfer") {
		t.Errorf("the caller gets %s", a.body)
	}
	s.do(http.MethodGet, address, "", carrier.SignatureHeader, signature).wantStatus(401)
	close(release)
	held.Wait()
}

// A call is answered in time though what is asked for it hangs, and the next one as usual.
func TestWebhook_voice_late(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.MetricsToken = "measure" })
	s.ride()
	release := make(chan struct{})
	s.exchange.Now = func() time.Time {
		<-release
		return testNow
	}
	const address = "/webhook-voice?token=" + token + "&" + callFrom
	asked := time.Now()
	a := s.do(http.MethodGet, address, "").wantStatus(200)
	took := time.Since(asked)
	page := s.metrics("Authorization", "Bearer measure").wantStatus(200).body
	close(release)
	if !strings.Contains(a.body, masking.SayUnavailable) {
		t.Errorf("the caller hears %s", a.body)
	}
	// The answer is there within the two seconds that are promised, travel and all; a later
	// one would have come only after the release.
	if took < exchange.AnswerWithin || took >= 2*time.Second {
		t.Errorf("answered after %v, want %v, and less than 2s", took, exchange.AnswerWithin)
	}
	for _, line := range []string{ // when it was answered, not when what hangs comes back
		`birdcar_webhook_seconds_count{kind="call"} 1`,
		`birdcar_webhooks_total{kind="call",outcome="failed"} 1`,
		`birdcar_calls_total{answer="apology"} 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	a = s.do(http.MethodGet, address, "").wantStatus(200)
	if !strings.Contains(a.body, "<Transfer") {
		t.Errorf("the next caller gets %s", a.body)
	}
}

// A call is answered with something to hear even when our own code breaks.
func TestWebhook_voice_panic(t *testing.T) {
	s := newSite(t)
	s.exchange.Store = nil
	a := s.do(http.MethodGet, "/webhook-voice?token="+token+"&"+callFrom, "").wantStatus(200)
	if !strings.Contains(a.body, masking.SayUnavailable) {
		t.Errorf("the caller hears %s", a.body)
	}
	s.exchange.Now = nil // which who answers asks for the time, not who searches for all
	a = s.do(http.MethodGet, "/webhook-voice?token="+token+"&"+callFrom, "").wantStatus(200)
	if !strings.Contains(a.body, masking.SayUnavailable) {
		t.Errorf("the next caller hears %s", a.body)
	}
	if logs := s.logs.String(); !strings.Contains(logs, "call answered with an apology") {
		t.Errorf("the handler did not break itself: %s", logs)
	}
}

func mustURL(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
