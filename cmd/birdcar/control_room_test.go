package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// widths are those of a desk and of a phone.
var widths = []int64{1280, 360}

// press presses a key where the focus is.
func (p *page) press(key string) {
	p.t.Helper()
	evaluate[bool](p, fmt.Sprintf(`document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: %s, bubbles: true, cancelable: true})) || true`, quote(key)))
}

// within waits like see, and fails when it took longer than a second.
func (p *page) within(css, text string, began time.Time) {
	p.t.Helper()
	p.see(css, text)
	if took := time.Since(began); took > time.Second {
		p.t.Errorf("%q appeared in %s after %s, want a second", text, css, took.Round(time.Millisecond))
	}
}

// fits checks that nothing on the page scrolls sideways, no table bursts its card, and what is in a table or tile stays there.
func (p *page) fits() {
	p.t.Helper()
	for _, burst := range evaluate[[]string](p, `[...document.querySelectorAll(".card table")]
		.map(table => [table.getBoundingClientRect(), table.closest(".card").getBoundingClientRect()])
		.filter(([table, card]) => table.right > card.right + 1 || table.left < card.left - 1)
		.map(([table, card]) => Math.round(table.width) + " in " + Math.round(card.width))`) {
		p.t.Errorf("%s, in a window of %d: a table is wider than its card: %s pixels", p.path(), evaluate[int](p, `innerWidth`), burst)
	}
	for _, cut := range evaluate[[]string](p, `[...document.querySelectorAll("td, .health dd > *")]
		.filter(e => e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline").map(e => e.innerText)`) {
		p.t.Errorf("%s, in a window of %d: %q sticks out of its place", p.path(), evaluate[int](p, `innerWidth`), cut)
	}
	if wide := evaluate[int](p, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); wide > 0 {
		p.t.Errorf("%s is %d pixels wider than the window", evaluate[string](p, `location.pathname`), wide)
	}
}

// A day in the control room: a colleague's ride appears by itself, its
// conversation is followed live, and it is cancelled.
func TestStory_ControlRoom(t *testing.T) {
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			b := start(t, newDatabase(t), map[string]string{"ADMIN_PASSWORD": "pass word"})
			desk := newPage(t, b.base)
			desk.appear(width, false)
			desk.enter("pass word")
			customer, driver := desk.people("#customer")[0], desk.people("#driver")[0]
			desk.open("/")
			desk.fill("#start", "A draft")

			colleague := signedIn(t, b.base, "pass word")
			began := time.Now()
			colleague.post("/createride", url.Values{"customer": {colleague.id(customer.name)}, "driver": {colleague.id(driver.name)},
				"start": {"Museum"}, "datetime": {time.Now().Add(time.Hour).Format("2006-01-02T15:04")}})
			desk.within("table.rides tbody tr", "Museum", began)
			proxy := regexp.MustCompile(`\+44[\d ]*\d`).FindString(desk.texts("table.rides tbody tr")[0])
			desk.see("#health", "0 failed")
			desk.wait("the sent texts are counted", `document.querySelector("#health .figure").innerText.startsWith("2")`)
			if got := evaluate[string](desk, `document.querySelector("#start").value`); got != "A draft" {
				t.Errorf("the draft became %q", got)
			}
			if got := evaluate[string](desk, `document.activeElement.id`); got != "start" {
				t.Errorf("the focus went to %q", got)
			}
			desk.fits()

			desk.click("table.rides .row-link")
			desk.see("h1", customer.name+" and "+driver.name)
			desk.see(".chat-notice", "delivered to "+customer.name)
			began = time.Now()
			if got := b.textIn(t, "1", customer.number, proxy, "Where are you?"); got.status != http.StatusOK {
				t.Fatalf("the text is answered %d", got.status)
			}
			desk.within(".chat-customer", "Where are you?", began)
			desk.see(".chat-customer", "delivered to "+driver.name)
			b.textIn(t, "2", driver.number, proxy, "At the corner")
			desk.see(".chat-driver", "At the corner")
			b.callIn(t, driver.number, proxy)
			desk.see(".chat-call", driver.name+" called "+customer.name)
			desk.fits()
			desk.save("ride")

			desk.click(`a[href$="/cancel"]`)
			desk.see("h1", "Cancel the ride of "+customer.name+" and "+driver.name+"?")
			desk.see("main", customer.name+" and "+driver.name+" each get a text")
			desk.fits()
			desk.click(".button.danger")
			desk.see(".flash", "The ride is cancelled")
			desk.see(".chat-notice", "Cancellation to "+customer.name)
			desk.see("#facts", "It closes")
		})
	}
}

// Finding one ride among many, without and with a keyboard.
func TestStory_FindARide(t *testing.T) {
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			b := start(t, newDatabase(t), nil)
			p := newPage(t, b.base)
			p.appear(width, false)
			p.open(b.login)
			p.see("h1", "Current rides")
			customers, drivers := p.people("#customer"), p.people("#driver")
			p.createRide(customers[0], drivers[0])
			proxy := p.createRide(customers[1], drivers[1])
			p.open("/messages")
			p.press("/")
			p.see("h1", "All rides")
			p.wait("the search has the focus", `document.activeElement.id === "q"`)
			for _, typed := range []string{customers[1].name, strings.Fields(drivers[1].name)[1], customers[1].number, "0" + digits(customers[1].number)[2:]} {
				p.fill("#q", typed)
				p.click(".filter button")
				p.wait("the search is answered", `document.readyState === "complete" && new URLSearchParams(location.search).get("q") === `+quote(typed))
				p.see("table.rides", customers[1].name)
				if rows := p.texts("table.rides tbody tr"); len(rows) != 1 {
					t.Errorf("%q finds %d rides: %q", typed, len(rows), rows)
				}
			}
			p.fits()
			p.save("rides")
			for _, above := range []string{"time", ".number"} {
				p.wait(above+" is above the row's link", fmt.Sprintf(`(e => { e.scrollIntoView({block: "center", behavior: "instant"})
					const box = e.getBoundingClientRect()
					return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) === e
				})(document.querySelector("table.rides tbody " + %s))`, quote(above)))
			}
			p.open("/rides?q=nobody")
			p.see(".empty", "No ride found")
			p.save("rides-empty")
			p.open("/rides?q=" + digits(proxy))
			p.see("table.rides", customers[1].name)

			// Keys rest while somebody types.
			p.fill("#q", "n?")
			p.press("n")
			p.press("?")
			if open := evaluate[bool](p, `document.querySelector("#keys").open`); open {
				t.Error("a key that was typed into a field did something")
			}
			evaluate[bool](p, `(document.activeElement.blur(), true)`)
			p.press("?")
			p.see("#keys", "new ride")
			p.click("#keys button")
			p.wait("the keys are gone", `!document.querySelector("#keys").open`)

			// On a page that says what is wrong too.
			p.open("/nowhere")
			p.see("h1", "There is no such page")
			p.press("?")
			p.see("#keys", "new ride")
			p.click("#keys button")
			p.press("n")
			p.see("h1", "Current rides")
			p.wait("the form has the focus", `document.querySelector("#new-ride").contains(document.activeElement)`)
		})
	}
}

// line is a way to the program that a test can cut, or hold up: then no form arrives.
type line struct {
	*httptest.Server
	cut, held atomic.Bool
}

func newLine(t *testing.T, base string) *line {
	t.Helper()
	target, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	l, proxy := &line{}, httputil.NewSingleHostReverseProxy(target)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case l.cut.Load():
			panic(http.ErrAbortHandler)
		case r.Method == http.MethodPost && l.held.Load():
			_, _ = io.Copy(io.Discard, r.Body) // or who gives up goes unnoticed
			<-r.Context().Done()
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		l.breakOff()
		l.Close()
	})
	return l
}

// breakOff cuts the line, with whatever is under way.
func (l *line) breakOff() {
	l.cut.Store(true)
	l.CloseClientConnections()
}

// A page that no longer hears from the program says so, and catches up.
func TestStory_Stale(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p, l := newPage(t, b.base), newLine(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	p.createRide(p.people("#customer")[0], p.people("#driver")[0])
	for _, path := range []string{"/", "/simulator"} {
		p.open(l.URL + path)
		p.see("h1", "")
		l.breakOff()
		p.wait("the page says that it is old", `/^BirdCar has not answered since \d\d:\d\d\. What you see may be old/.test(document.querySelector("#stale").innerText)`)
		p.save("stale")
		l.cut.Store(false)
		p.wait("the page is live again", `document.querySelector("#stale").textContent === ""`)
	}
}

// What is half typed outlives a session that ended elsewhere; a page where nothing is leads to the login.
func TestStory_SignedOutElsewhere(t *testing.T) {
	b := start(t, newDatabase(t), map[string]string{"ADMIN_PASSWORD": "pass word"})
	p := newPage(t, b.base)
	p.enter("pass word")
	colleague := signedIn(t, b.base, "pass word")
	// elsewhere does in another tab what changes the session; then the page hears of a change.
	elsewhere := func(script string) {
		p.wait("another tab has an answer", fmt.Sprintf(`(window.asked ??= {})[%[1]s] ??= (%[2]s).then(() => { window.asked[%[1]s] = "done" }), window.asked[%[1]s] === "done"`, quote(script), script))
		colleague.post("/customers", url.Values{"name": {"Noor"}, "number": {"07700 900104"}})
		evaluate[bool](p, `typeof refresh === "function" ? (refresh(), true) : false`) // handsets hear of texts and calls only
	}
	for path, field := range map[string]string{"/": "#start", "/simulator": "#left-body"} {
		if path == "/simulator" {
			p.createRide(p.people("#customer")[0], p.people("#driver")[0])
		}
		p.open(path)
		p.fill(field, "Half a sen")
		elsewhere(`fetch("/logout", {method: "POST"})`)
		p.see("#stale", "You are signed out. Sign in in another tab, then send this.")
		elsewhere(`fetch("/login", {method: "POST", body: new URLSearchParams({password: "pass word"})})`)
		p.wait("the page is live again", `document.querySelector("#stale").textContent === ""`)
		if got := evaluate[string](p, fmt.Sprintf(`document.querySelector(%s).value`, quote(field))); got != "Half a sen" {
			t.Errorf("%s: the draft became %q", path, got)
		}
		p.set(field, "")
		elsewhere(`fetch("/logout", {method: "POST", cache: "reload"})`)
		p.see(".notice", "Your session has ended. Sign in again.")
		p.signIn("pass word")
		p.wait("the login leads back", `location.pathname === `+quote(path)+` && document.querySelector(".sign-out") !== null`)
	}
}

// A form that was stopped on its way can be sent again.
func TestStory_StoppedForm(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p, l := newPage(t, b.base), newLine(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	p.open(l.URL + "/customers")
	p.fill("#name", "Noor Newcomer")
	p.fill("#number", "07700 900104")
	l.held.Store(true)
	evaluate[bool](p, `(document.addEventListener("submit", () => setTimeout(() => {
		window.disabled = document.querySelector("form.form button").disabled
		window.stop()
	}, 500), {once: true}), true)`)
	p.click("form.form button")
	p.wait("it was not to be sent twice, and can be sent again", `window.disabled && !document.querySelector("form.form button").disabled`)
	l.held.Store(false)
	p.click("form.form button")
	p.see(".flash", "Noor Newcomer is on the list of customers.")
}

// moody stands in for a MessageBird that takes texts, refuses each, or refuses the account.
type moody struct {
	*httptest.Server
	mood atomic.Value // "", "refuses texts", "refuses the account"
}

func newMoody(t *testing.T) *moody {
	t.Helper()
	m := &moody{}
	m.mood.Store("")
	next := atomic.Int64{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch m.mood.Load() {
		case "refuses texts":
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = fmt.Fprint(w, `{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipients"}]}`)
			return
		case "refuses the account":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)","parameter":"access_key"}]}`)
			return
		}
		var message struct{ Recipients []string }
		_ = json.NewDecoder(r.Body).Decode(&message)
		if len(message.Recipients) == 0 { // a look at the list
			_, _ = fmt.Fprint(w, `{"offset":0,"limit":20,"count":0,"totalCount":0,"items":[]}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"id":"%032d","recipients":{"totalCount":1,"items":[{"recipient":%s,"status":"sent"}]}}`, next.Add(1), message.Recipients[0])
	}))
	t.Cleanup(m.Close)
	return m
}

// Texts that fail come to the page of messages with the reason, and leave it when
// they are sent again. While the account is refused, every page says so.
func TestStory_FailedTexts(t *testing.T) {
	for _, width := range widths {
		t.Run(fmt.Sprint(width), func(t *testing.T) {
			carrier := newMoody(t)
			b := start(t, newDatabase(t), map[string]string{"MESSAGEBIRD_API_KEY": "a-key", "MESSAGEBIRD_API_URL": carrier.URL, "ADMIN_PASSWORD": "pass word"})
			admin := signedIn(t, b.base, "pass word")
			admin.post("/customers", url.Values{"name": {"Ada"}, "number": {"07700 900101"}})
			admin.post("/drivers", url.Values{"name": {"Ben"}, "number": {"07700 900201"}})
			admin.post("/numbers", url.Values{"number": {"07700 900901"}})

			p := newPage(t, b.base)
			p.appear(width, false)
			p.open("/messages")
			p.signIn("pass word")
			p.see(".empty", "No text has failed")
			carrier.mood.Store("refuses texts")
			admin.post("/createride", url.Values{"customer": {"1"}, "driver": {"1"}, "datetime": {time.Now().Add(time.Hour).Format("2006-01-02T15:04")}})
			p.wait("both texts failed", `document.querySelectorAll("table.messages tbody tr").length === 2`)
			p.see(".tabs a[aria-current] .tab-count", "2")
			p.fits()
			p.save("messages")

			carrier.mood.Store("")
			p.click("td.action button")
			p.see(".flash", "The text is sent again.")
			p.see(".tabs a[aria-current] .tab-count", "1")
			p.click(`a[href="/messages/again"]`)
			p.see("h1", "Send 1 failed text again?")
			p.click(".button.danger")
			p.see(".flash", "1 text is sent again.")
			p.see(".empty", "No text has failed")

			stranger := b.textIn(t, "x", "+44 7700 900999", "+44 7700 900901", "Who is this?")
			if stranger.status != http.StatusOK {
				t.Fatalf("the stranger's text is answered %d", stranger.status)
			}
			p.see(`.tabs a[href$="unknown"] .tab-count`, "1")
			p.click(`a[href="/messages?show=unknown"]`)
			p.see("table.messages", "Who is this?")

			p.open("/customers")
			carrier.mood.Store("refuses the account")
			b.textIn(t, "y", "+44 7700 900101", "+44 7700 900901", "Hello")
			p.see(".paused", "No text leaves now.")
			p.see(".bar", "Texts paused")
			p.fits()
			p.save("paused")
			p.open("/")
			p.see("#health", "paused")
			p.save("home-paused")
			carrier.mood.Store("")
			p.wait("texts leave again by themselves", `!document.querySelector(".paused") && document.querySelector("#health").innerText.includes("texts leave")`)
		})
	}
}
