package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"birdcar/internal/masking"
	"birdcar/internal/server"
)

func TestParties(t *testing.T) {
	for path, role := range map[string]masking.Role{"/customers": masking.Customer, "/drivers": masking.Driver} {
		t.Run(path, func(t *testing.T) {
			s := newSite(t)
			s.login()
			s.get(path).wantStatus(200).wantText("No " + string(role) + "s yet")

			s.post(path, "name", "  Zoë\x00 <b>Bold</b> ", "number", "07700 900123").wantRedirect(path)
			s.post(path, "name", "Ada", "number", "+44 (0)7700 900456").wantRedirect(path)
			page := s.get(path)
			page.wantText("Ada is on the list of " + string(role) + "s. The number is read as +447•••••••56 (GB).")
			page.wantText("Without a country code it is read as a number of GB (+44).")
			page.wantText("Ada +447•••••••56")
			page.wantText("Zoë <b>Bold</b> +447•••••••23") // as text: it was escaped
			if strings.Index(page.text(), "Ada +447") > strings.Index(page.text(), "Zoë") {
				t.Error("the list is not sorted by name")
			}
			if strings.Contains(page.body, "7700900") || strings.Contains(page.body, "7700 900") {
				t.Error("the list shows a whole number")
			}

			parties, err := s.store.Parties(context.Background(), role)
			if err != nil || len(parties) != 2 || parties[1].Number.E164() != "+447700900123" {
				t.Errorf("stored %v (%v), want +447700900123 for 07700 900123", parties, err)
			}
		})
	}
}

func TestParties_problems(t *testing.T) {
	s := newSite(t)
	s.login()
	s.seed()
	for name, test := range map[string]struct{ name, number, wrong string }{
		"no name":                    {"", "07700 900124", "name"},
		"a long name":                {strings.Repeat("é", 81), "07700 900124", "name"},
		"a number in the name":       {"Ada 07700 900124", "07700 900124", "name"},
		"no number":                  {"Eve", "", "number"},
		"words":                      {"Eve", "call me", "number"},
		"too short":                  {"Eve", "12", "number"},
		"one of the proxy ones":      {"Eve", "07700 900001", "number"},
		"two pluses":                 {"Eve", "++447700900124", "number"},
		"more than numbers have":     {"Eve", strings.Repeat("1", 60), "number"},
		"markup instead of a number": {"Eve", `"><script>alert(1)</script>`, "number"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post("/customers", "name", test.name, "number", test.number)
			a.t = t
			a.wantStatus(http.StatusUnprocessableEntity)
			if a.problem(test.wrong) == "" || !has(a.control(test.wrong), "autofocus") {
				t.Errorf("nothing is said beside %s, or it is not focused: %s", test.wrong, a.text())
			}
			if a.value("name") != test.name || a.value("number") != test.number {
				t.Errorf("typed %q and %q, kept %q and %q", test.name, test.number, a.value("name"), a.value("number"))
			}
			for range a.all("script") { // the layout's own is the first
				if strings.Contains(a.body, "<script>") {
					t.Error("typed markup became an element")
				}
			}
		})
	}
	if parties, err := s.store.Parties(context.Background(), masking.Customer); err != nil || len(parties) != 1 {
		t.Errorf("a refused customer was stored: %v %v", parties, err)
	}
}

func TestNumbers(t *testing.T) {
	s := newSite(t)
	s.login()
	s.get("/numbers").wantStatus(200).wantText("No numbers yet")
	s.post("/numbers", "number", "020 7946 0001").wantRedirect("/numbers")
	page := s.get("/numbers")
	page.wantText("+44 20 7946 0001 is in the pool.")
	page.wantText("+44 20 7946 0001 available not in use never")
	page.wantCopy("+442079460001")
	for _, wrong := range []string{"", "x", "020 7946 0001"} {
		a := s.post("/numbers", "number", wrong).wantStatus(http.StatusUnprocessableEntity)
		if a.problem("number") == "" || a.value("number") != wrong {
			t.Errorf("%q is refused with %q, keeping %q", wrong, a.problem("number"), a.value("number"))
		}
	}
}

// Every page has the headers that keep it private, and nothing that they forbid.
func TestPages(t *testing.T) {
	s := newSite(t)
	pages := []string{"/login", "/nowhere"}
	check := func() {
		for _, target := range pages {
			a := s.get(target)
			csp := a.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'self'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
				t.Errorf("%s: Content-Security-Policy is %q", target, csp)
			}
			for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store"} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", target, name, got, want)
				}
			}
			ids := map[string]bool{}
			for n := range a.parse().Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				if (n.Data == "script" && !has(n, "src")) || n.Data == "style" || has(n, "style") || has(n, "onclick") {
					t.Errorf("%s: <%s> is inline", target, n.Data)
				}
				if id := attribute(n, "id"); id != "" && ids[id] {
					t.Errorf("%s: two elements have the id %s", target, id)
				} else {
					ids[id] = true
				}
				for _, id := range strings.Fields(attribute(n, "aria-describedby")) {
					if !strings.Contains(a.body, `id="`+id+`"`) {
						t.Errorf("%s: nothing has the id %s, which describes a field", target, id)
					}
				}
				if n.Data == "p" && attribute(n, "class") == "hint" && has(n, "id") && strings.Count(a.body, attribute(n, "id")+`"`) < 2 {
					t.Errorf("%s: the hint %s describes no field", target, attribute(n, "id"))
				}
				if n.Data == "a" || n.Data == "link" || n.Data == "script" {
					s.wantAddress(target, attribute(n, "href")+attribute(n, "src"))
				}
			}
		}
	}
	check()
	s.login()
	pages = []string{"/", "/rides", "/rides?q=x&day=2026-11-20&state=open", "/messages", "/messages?show=waiting", "/messages?show=unknown", "/messages/again", "/customers", "/customers?q=x", "/customers/import", "/drivers", "/numbers", "/numbers/owned", "/setup", "/sign-out", "/sign-out-everywhere", "/nowhere"}
	check()
	s.ride()
	pages = append(pages, "/rides/1", "/rides/1/end", "/rides/1/cancel", "/messages/1", "/customers/1", "/drivers/1", "/drivers/1/delete", "/numbers/1", "/numbers/1/retire")
	check()
	s.get("/nowhere").wantStatus(404).wantText("There is no such page")
}

// Whoever types the address that a form posts to reads what to do, also when signed out;
// a machine gets one line.
func TestPages_ofAForm(t *testing.T) {
	s := newSite(t)
	for _, signedIn := range []bool{false, true} {
		if signedIn {
			s.login()
		}
		for _, target := range []string{"/createride", "/logout", "/rides/1/confirm", "/messages/1/again"} {
			a := s.do(http.MethodGet, target, "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8").wantStatus(http.StatusMethodNotAllowed)
			a.wantText("Nothing is shown at this address")
			if nav := strings.Contains(a.text(), "Customers"); nav != signedIn {
				t.Errorf("%s: signed in is %v, the navigation bar %v", target, signedIn, nav)
			}
			for name, want := range map[string]string{"Allow": "POST", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", target, name, got, want)
				}
			}
			if a.header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: the page has no Content-Security-Policy", target)
			}
			if a := s.get(target).wantStatus(http.StatusMethodNotAllowed); a.body != "This address does not take that method.\n" {
				t.Errorf("%s: a machine reads %q", target, a.body)
			}
		}
		a := s.do(http.MethodGet, "/webhook", "", "Accept", "text/html").wantStatus(http.StatusMethodNotAllowed)
		if a.body != "This address does not take that method.\n" {
			t.Errorf("a webhook's address answers %q", a.body)
		}
		s.do(http.MethodPost, "/setup", "", "Accept", "text/html").wantStatus(http.StatusMethodNotAllowed)
		for _, line := range []string{"method=GET route=/webhook status=405", "method=GET route=/rides/{id}/confirm status=405", "method=POST route=/setup status=405"} {
			if !strings.Contains(s.logs.String(), line) {
				t.Errorf("the log lacks %q", line)
			}
		}
	}
}

// wantAddress checks that what a page points to exists.
func (s *site) wantAddress(page, target string) {
	s.t.Helper()
	target, fragment, _ := strings.Cut(target, "#")
	if target == "" && fragment != "" || strings.HasPrefix(target, "/simulator") || strings.HasPrefix(target, "https://") {
		return
	}
	if a := s.get(target); a.status != http.StatusOK && a.status != http.StatusSeeOther {
		s.t.Errorf("%s points to %q, which answers %d", page, target, a.status)
	}
}

func TestStatic(t *testing.T) {
	s := newSite(t)
	a := s.get("/static/app.css").wantStatus(200)
	if got := a.header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("by its bare name it is cached as %q", got)
	}
	tag := a.header.Get("ETag")
	s.do(http.MethodGet, "/static/app.css", "", "If-None-Match", tag).wantStatus(http.StatusNotModified)
	a = s.get("/static/app.css?v=" + strings.Trim(tag, `"`)).wantStatus(200)
	if got := a.header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("by its version it is cached as %q", got)
	}
	s.get("/static/app.cs").wantStatus(404)
	s.get("/static/..%2fembed.go").wantStatus(404)
}

func TestForms_tooLarge(t *testing.T) {
	s := newSite(t)
	s.login()
	s.post("/customers", "name", strings.Repeat("x", 65<<10)).wantStatus(http.StatusRequestEntityTooLarge)
	s.do(http.MethodPost, "/customers", "%zz", "Content-Type", formType).wantStatus(http.StatusBadRequest)
}

// What goes wrong on our side is told without internals, with a reference to the log.
func TestPages_withoutADatabase(t *testing.T) {
	s := newSite(t)
	s.login()
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	a := s.get("/").wantStatus(http.StatusInternalServerError)
	a.wantText("Something went wrong on our side")
	if strings.Contains(a.body, "sql") || strings.Contains(a.body, "closed") {
		t.Errorf("the page shows internals: %s", a.text())
	}
	_, reference, _ := strings.Cut(a.text(), "Reference: ")
	reference, _, _ = strings.Cut(reference, " ")
	if len(reference) != 8 || !strings.Contains(s.logs.String(), "reference="+reference) {
		t.Errorf("reference %q is not in the log", reference)
	}
}

// What passes by itself is told with what to do: load the page again, or send the form again.
func TestPages_unavailable(t *testing.T) {
	var s *site
	var failure error
	s = newSite(t, fakeSimulator, func(c *server.Config) {
		c.SimulatorPages = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.server.Fail(w, r, failure) })
	})
	s.login()
	for title, err := range map[string]error{
		"The database cannot be reached now": fmt.Errorf("a list: %w: dial tcp", masking.ErrOutOfReach),
		"BirdCar is busy":                    fmt.Errorf("4096 writes wait: %w", masking.ErrBusy),
	} {
		failure = err
		page := s.get("/simulator/x?a=%22b%22&c=%2F").wantStatus(http.StatusServiceUnavailable)
		page.wantText(title)
		if got := page.href("Try again"); got != "/simulator/x?a=%22b%22&c=%2F" || strings.Contains(page.text(), "Nothing was changed") {
			t.Errorf("trying again leads to %q: %s", got, page.text())
		}
		sent := s.post("/simulator/x").wantStatus(http.StatusServiceUnavailable)
		sent.wantText(title)
		sent.wantText("Nothing was changed. Keep this page, and reload it in a moment to send the form again.")
		if sent.href("Try again")+sent.href("Go to the rides") != "" {
			t.Errorf("who sent a form is led away from it: %s", sent.text())
		}
		for _, a := range []answer{page, sent} {
			if a.header.Get("Retry-After") == "" || strings.Contains(a.body, "writes wait") || strings.Contains(a.body, "dial tcp") {
				t.Errorf("Retry-After is missing, or the page shows internals: %s", a.text())
			}
		}
	}
	failure = masking.ErrNotFound
	if got := s.get("/simulator/x").href("Go to the rides"); got != "/" {
		t.Errorf("from a page that is not there the button leads to %q", got)
	}
}

func TestPages_panic(t *testing.T) {
	s := newSite(t)
	s.login()
	s.exchange.Store = nil
	a := s.post("/numbers", "number", "020 7946 0001").wantStatus(http.StatusInternalServerError)
	if strings.Contains(a.body, "goroutine") || !strings.Contains(s.logs.String(), "goroutine") {
		t.Error("the stack belongs in the log and not on the page")
	}
}

func TestReady(t *testing.T) {
	s := newSite(t)
	for _, target := range []string{"/healthz", "/readyz"} {
		if a := s.get(target).wantStatus(200); a.body != "OK" {
			t.Errorf("%s answers %q", target, a.body)
		}
		s.do(http.MethodHead, target, "").wantStatus(200)
	}
}

func TestNew_incomplete(t *testing.T) {
	_, err := server.New(server.Config{PublicURL: publicURL})
	if err == nil {
		t.Fatal("a server without anything was made")
	}
	for _, missing := range []string{"Store", "Exchange", "Token", "Country", "Zone", "Now", "Log"} {
		if !strings.Contains(err.Error(), missing) {
			t.Errorf("%q does not name %s", err, missing)
		}
	}
	if strings.Contains(err.Error(), "PublicURL") {
		t.Errorf("%q names what was given", err)
	}
}
