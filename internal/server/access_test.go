package server_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"

	"birdcar/internal/server"
	"birdcar/internal/store/storetest"
)

// open are the routes that need no login; each of them has its own tests.
var open = map[string]bool{
	"GET /healthz": true, "GET /readyz": true, "GET /static/{name}": true,
	"POST /webhook": true, "GET /webhook-voice": true, "GET /webhook-status": true,
	"GET /metrics": true,
	"GET /login":   true, "POST /login": true, "POST /logout": true,
}

// fakeSimulator makes the routes of the simulator exist.
func fakeSimulator(c *server.Config) {
	c.SimulatorAPI = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	c.SimulatorPages = c.SimulatorAPI
}

func TestRoutes_signedOut(t *testing.T) {
	s := newSite(t, fakeSimulator)
	walked := 0
	err := chi.Walk(s.server.Handler().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if open[method+" "+route] || strings.HasPrefix(route, "/simulator/messagebird/") {
			return nil
		}
		walked++
		target := strings.ReplaceAll(route, "*", "anything")
		a := s.do(method, target, "name=x", "Content-Type", "application/x-www-form-urlencoded")
		if to := a.header.Get("Location"); a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/login") {
			t.Errorf("%s %s answered a visitor %d to %q, want 303 to the login", method, route, a.status, to)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if walked < 8 {
		t.Errorf("only %d routes of the admin were walked", walked)
	}
}

func TestRoutes_fromAnotherSite(t *testing.T) {
	s := newSite(t, fakeSimulator)
	s.login()
	err := chi.Walk(s.server.Handler().(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method != http.MethodPost || route == "/webhook" || strings.HasPrefix(route, "/simulator/messagebird/") {
			return nil
		}
		target := strings.ReplaceAll(route, "*", "anything")
		for _, headers := range [][]string{
			{"Origin", "https://elsewhere.example"},
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site", "Origin", "https://evil.birdcar.example"},
		} {
			s.do(method, target, "name=x", append(headers, "Content-Type", "application/x-www-form-urlencoded")...).
				wantStatus(http.StatusForbidden).wantText("This came from another site")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// Behind a proxy the Host is another, and PUBLIC_URL tells that it is ours.
	s.do(http.MethodPost, "/customers", "name=Ada&number=%2B447700900123", "Origin", publicURL,
		"Content-Type", "application/x-www-form-urlencoded").wantRedirect("/customers")
}

func TestRoutes_simulator(t *testing.T) {
	s := newSite(t, fakeSimulator)
	s.get("/simulator/messagebird/messages").wantStatus(http.StatusTeapot)
	s.login()
	s.get("/simulator").wantStatus(http.StatusTeapot)
	s.get("/simulator/phones").wantStatus(http.StatusTeapot)
	s.get("/").wantText("Simulator: no text leaves this machine")

	real := newSite(t, func(c *server.Config) { c.Simulated = false })
	real.get("/simulator/messagebird/messages").wantStatus(http.StatusNotFound)
	real.login()
	real.get("/simulator").wantStatus(http.StatusNotFound)
	if text := real.get("/").text(); strings.Contains(text, "Simulat") || !strings.Contains(text, "MessageBird") {
		t.Errorf("the mark of the carrier is wrong: %s", text)
	}
}

func TestLogin_password(t *testing.T) {
	s := newSite(t)
	s.get("/numbers?x=1").wantRedirect("/login?next=%2Fnumbers%3Fx%3D1")

	a := s.post("/login", "password", "wrong", "next", "/numbers").wantStatus(http.StatusUnauthorized)
	if got := a.problem("password"); got != "This is not the password." {
		t.Errorf("the problem reads %q", got)
	}
	if a.value("password") != "" || a.value("next") != "/numbers" {
		t.Error("the page gives the password back, or forgot where to go")
	}
	s.get("/numbers").wantRedirect("/login?next=%2Fnumbers")

	s.post("/login", "password", password, "next", "/numbers").wantRedirect("/numbers")
	s.get("/numbers").wantStatus(http.StatusOK)
	s.get("/login").wantRedirect("/")

	s.post("/logout").wantRedirect("/login")
	s.get("/numbers").wantRedirect("/login?next=%2Fnumbers")
}

func TestLogin_next(t *testing.T) {
	s := newSite(t)
	for _, elsewhere := range []string{"https://elsewhere.example", "//elsewhere.example", `/\elsewhere.example`, `\\elsewhere.example`,
		"javascript:alert(1)", "elsewhere", "/\t/elsewhere.example", ""} {
		s.post("/login", "password", password, "next", elsewhere).wantRedirect("/")
	}
}

// Who sent a form after the session's end reads that, and comes back to the form.
func TestLogin_ended(t *testing.T) {
	s := newSite(t)
	send := func(target, referer string) answer {
		t.Helper()
		return s.do(http.MethodPost, target, "name=Ada&number=07700+900123", "Content-Type", formType, "Referer", referer)
	}
	for referer, want := range map[string]string{
		s.url + "/customers?q=a&after=3":           "?ended=1&next=%2Fcustomers%3Fq%3Da%26after%3D3",
		publicURL + "/customers":                   "?ended=1&next=%2Fcustomers",
		s.url + "/":                                "?ended=1",
		s.url + "/createride":                      "?ended=1", // was the answer to a form
		s.url:                                      "?ended=1",
		s.url + "//elsewhere.example":              "?ended=1",
		s.url + "/\\elsewhere.example":             "?ended=1",
		"":                                         "", // perhaps there never was a session
		"https://elsewhere.example/customers":      "",
		"https://user@elsewhere.example":           "",
		s.url + ".elsewhere.example/customers":     "",
		"//elsewhere.example/customers":            "",
		"javascript:alert(1)":                      "",
		publicURL + "@elsewhere.example/customers": "",
	} {
		if a := send("/customers", referer); a.header.Get("Location") != "/login"+want {
			t.Errorf("from %q it leads to %q, want %q", referer, a.header.Get("Location"), "/login"+want)
		}
	}
	send("/createride", s.url+"/?customer=1").wantRedirect("/login?ended=1&next=%2F%3Fcustomer%3D1")

	page := s.get("/login?ended=1&next=%2Fcustomers").wantStatus(http.StatusOK)
	page.wantText("Your session has ended. Nothing was saved: sign in and send it again.")
	if page.value("next") != "/customers" {
		t.Errorf("the page leads to %q", page.value("next"))
	}
	s.get("/login?ended=idle&next=%2Fcustomers").wantText("Your session has ended. Sign in again.")
	if strings.Contains(s.get("/login").text(), "ended") {
		t.Error("a session is said to have ended that nobody had")
	}
	s.login()
	s.get("/customers").wantText("No customers yet")
}

func TestLogin_renewsTheSession(t *testing.T) {
	s := newSite(t)
	planted := "birdcar=planted-by-somebody-else"
	a := s.do(http.MethodPost, "/login", "password=a+password+for+tests", "Cookie", planted, "Content-Type", "application/x-www-form-urlencoded")
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "birdcar=") || strings.HasPrefix(cookie, planted) {
		t.Errorf("the login set %q", cookie)
	}
	for _, flag := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(cookie, flag) {
			t.Errorf("the cookie lacks %s: %s", flag, cookie)
		}
	}
	if strings.Contains(cookie, "Secure") {
		t.Error("over plain http the cookie is Secure, and a browser would drop it")
	}
	a = s.do(http.MethodPost, "/login", "password=a+password+for+tests", "X-Forwarded-Proto", "https", "Content-Type", "application/x-www-form-urlencoded")
	if cookie := a.header.Get("Set-Cookie"); !strings.Contains(cookie, "Secure") {
		t.Errorf("over https the cookie is not Secure: %s", cookie)
	}
}

func TestLogin_limit(t *testing.T) {
	s := newSite(t)
	for range 10 {
		s.post("/login", "password", "wrong").wantStatus(http.StatusUnauthorized)
	}
	a := s.post("/login", "password", password, "next", "/numbers").wantStatus(http.StatusTooManyRequests)
	a.wantText("Too many tries. Wait a minute, then try again.")
	if a.value("next") != "/numbers" {
		t.Errorf("the page leads to %q, it forgot where to go", a.value("next"))
	}
	if a.header.Get("Retry-After") == "" {
		t.Error("Retry-After is missing")
	}
	s.get("/login").wantStatus(http.StatusOK)
}

// Behind a proxy on this machine the whole Internet comes from one address.
func TestLogin_limitBehindAProxy(t *testing.T) {
	s := newSite(t)
	try := func(password, forwarded string) answer {
		return s.do(http.MethodPost, "/login", "password="+password, "X-Forwarded-For", forwarded,
			"Content-Type", "application/x-www-form-urlencoded")
	}
	for range 10 {
		try("wrong", "203.0.113.7").wantStatus(http.StatusUnauthorized)
	}
	try("wrong", "203.0.113.7").wantStatus(http.StatusTooManyRequests)
	try("wrong", "192.0.2.1, 203.0.113.7").wantStatus(http.StatusTooManyRequests) // forged, and what the proxy appended
	try("a+password+for+tests", "198.51.100.4").wantRedirect("/")

	// Through a proxy that appends nothing, each try can name another address.
	taken := 0
	for taken < 150 && try("wrong", fmt.Sprintf("192.0.2.%d", taken)).status == http.StatusUnauthorized {
		taken++
	}
	if taken < 80 || taken > 95 { // after the eleven above; a new minute forgives some
		t.Errorf("%d tries under forged addresses were taken", taken)
	}
}

// What somebody on the Internet says about their address counts for nothing.
func TestLogin_limitFromOutside(t *testing.T) {
	s := newSite(t)
	for i := range 11 {
		r := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader("password=wrong"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
		r.RemoteAddr = "203.0.113.7:4711"
		w := httptest.NewRecorder()
		s.server.Handler().ServeHTTP(w, r)
		if want := http.StatusUnauthorized; i < 10 && w.Code != want || i == 10 && w.Code != http.StatusTooManyRequests {
			t.Errorf("try %d is answered %d", i+1, w.Code)
		}
	}
}

func TestLogin_link(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.Password = "" })
	link := s.server.LoginLink("http://127.0.0.1:8080/")
	target, ok := strings.CutPrefix(link, "http://127.0.0.1:8080")
	if !ok || !strings.HasPrefix(target, "/login?key=") {
		t.Fatalf("the link is %s", link)
	}
	a := s.get("/login").wantStatus(http.StatusOK)
	a.wantText("Open the link from the terminal or the log to sign in; it works once. To sign in again, start BirdCar again.")
	s.post("/login", "password", "").wantStatus(http.StatusUnauthorized)

	s.do(http.MethodHead, target, "").wantStatus(http.StatusOK)
	s.get("/login?key=wrong").wantStatus(http.StatusUnauthorized).wantText("This login link has already been used or is incomplete.")
	s.get(target).wantRedirect("/")
	s.get("/").wantStatus(http.StatusOK)
	s.get("/sign-out-everywhere").wantText("signing in again needs a new login link: each start of BirdCar prints one.")

	s.client = s.newBrowser()
	s.get(target).wantStatus(http.StatusUnauthorized).wantText("start BirdCar again")
	s.get("/").wantRedirect("/login")
	if strings.Contains(s.logs.String(), strings.TrimPrefix(target, "/login?key=")) {
		t.Error("the key is in the log")
	}
}

func TestSession_survivesARestart(t *testing.T) {
	database := storetest.Database(t)
	before := openSite(t, database)
	before.login()
	if err := before.store.Close(); err != nil {
		t.Fatal(err)
	}
	after := openSite(t, database)
	cookie := before.client.Jar.Cookies(mustURL(t, before.url))[0]
	after.do(http.MethodGet, "/", "", "Cookie", cookie.String()).wantStatus(http.StatusOK)

	changed := openSite(t, database, func(c *server.Config) { c.Password = "another password" })
	changed.do(http.MethodGet, "/", "", "Cookie", cookie.String()).wantRedirect("/login")
}

// A session that cannot be read, as a version before wrote it, is over.
func TestSession_unreadable(t *testing.T) {
	s := newSite(t)
	s.login()
	s.get("/").wantStatus(http.StatusOK)
	hash := sha256.Sum256([]byte(s.client.Jar.Cookies(mustURL(t, s.url))[0].Value))
	gob, err := scs.GobCodec{}.Encode(time.Now().Add(time.Hour), map[string]any{"admin": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Sessions().CommitCtx(context.Background(), base64.RawURLEncoding.EncodeToString(hash[:]), gob, testNow.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	s.get("/").wantRedirect("/login")
	s.login()
	s.get("/").wantStatus(http.StatusOK)
}

func TestSession_idle(t *testing.T) {
	now := time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)
	s := newSite(t, func(c *server.Config) { c.Now = func() time.Time { return now } })
	s.login()
	for range 5 {
		now = now.Add(2 * 24 * time.Hour)
		s.get("/").wantStatus(http.StatusOK)
	}
	now = now.Add(3*24*time.Hour + 2*time.Hour)
	s.get("/").wantRedirect("/login")
}
