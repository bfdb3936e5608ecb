package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// person is somebody as the drop-downs of the home page show them.
type person struct{ name, number string }

// people are the people to choose from in a drop-down of the home page.
func (p *page) people(css string) (list []person) {
	p.t.Helper()
	p.open("/")
	option := regexp.MustCompile(`^(.+) \((\+[\d ]+)\)$`)
	for _, text := range p.texts(css + " option") {
		if m := option.FindStringSubmatch(text); m != nil {
			list = append(list, person{m[1], m[2]})
		}
	}
	return list
}

// createRide creates a ride on the home page and is the proxy number it got.
func (p *page) createRide(customer, driver person) (proxy string) {
	p.t.Helper()
	p.open("/")
	p.choose("#customer", customer.name)
	p.choose("#driver", driver.name)
	p.fill("#start", "Dam 1")
	p.fill("#destination", "Schiphol")
	p.set("#datetime", time.Now().Add(3*time.Hour).Format("2006-01-02T15:04"))
	p.click(`form[action="/createride"] button`)
	p.see(".flash", "Ride created")
	for _, row := range p.texts("table.rides tbody tr") {
		if strings.Contains(row, customer.name) && strings.Contains(row, driver.name) {
			return regexp.MustCompile(`\+44[\d ]*\d`).FindString(row)
		}
	}
	p.t.Fatalf("no ride of %s and %s in the table:\n%s", customer.name, driver.name, p.glance())
	return ""
}

// takeHandsets shows the phones of a ride: the customer's left, the driver's right.
func (p *page) takeHandsets(customer, driver person) {
	p.t.Helper()
	p.open("/simulator")
	for _, label := range p.texts("#ride option") {
		if strings.Contains(label, customer.name) && strings.Contains(label, driver.name) {
			p.choose("#ride", label)
			p.see("#left-name", customer.name)
			p.see("#right-name", driver.name)
			return
		}
	}
	p.t.Fatalf("no handsets of %s and %s:\n%s", customer.name, driver.name, p.glance())
}

// send types a text on the phone of a side and sends it with Enter.
func (p *page) send(side, text string) {
	p.t.Helper()
	p.fill("#"+side+"-body", text)
	p.pressEnter()
	p.see("#"+side+"-texts .text-out .bubble", text)
}

// arrives waits until a text from a number is on the phone of a side.
func (p *page) arrives(side, text, from string) {
	p.t.Helper()
	p.wait("the text arrives "+side, fmt.Sprintf(`[...document.querySelectorAll("#%s-texts .text-in")].some(e =>
		e.querySelector(".bubble").innerText.startsWith(%s) && e.querySelector(".text-note").innerText.includes("from " + %s))`,
		side, quote(text), quote(from)))
}

// received is every text that arrived on the phone of a side.
func (p *page) received(side string) []string {
	p.t.Helper()
	return p.texts("#" + side + "-texts .text-in .bubble")
}

// save keeps a picture of the page, wide and narrow, light and dark, where
// BIRDCAR_SCREENSHOTS names a folder.
func (p *page) save(name string) {
	p.t.Helper()
	folder := os.Getenv("BIRDCAR_SCREENSHOTS")
	if folder == "" {
		return
	}
	for _, width := range []int64{1280, 360} {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			p.appear(width, dark)
			path := filepath.Join(folder, name+"-"+strconv.FormatInt(width, 10)+"-"+scheme+".png")
			if err := os.WriteFile(path, p.picture(), 0o644); err != nil {
				p.t.Fatal(err)
			}
		}
	}
	p.appear(1280, false)
}

// The main job, as a newcomer first meets it.
func TestStory_FromLoginToCall(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open("/customers")
	p.see("h1", "Sign in")
	p.open(b.login)
	p.see("h1", "Current rides")
	p.see(".bar", "Simulator")
	customer, driver := p.people("#customer")[0], p.people("#driver")[0]
	proxy := p.createRide(customer, driver)
	p.save("home")

	p.takeHandsets(customer, driver)
	p.arrives("left", driver.name+" will pick you up at", proxy)
	p.arrives("right", customer.name+" will wait for you at", proxy)

	p.send("left", "I stand under the big tree 🌳")
	p.arrives("right", "I stand under the big tree 🌳", proxy)
	p.see(`#step-3[data-state="done"]`, "Delivered")
	p.send("right", "Two minutes")
	p.arrives("left", "Two minutes", proxy)
	p.see("#left-texts .text-out", "sent")
	p.wait("the text box is empty again", `document.querySelector("#left-body").value === ""`)

	long := strings.Repeat("ж", 604)
	p.set("#left-body", long)
	p.click(`.handset:has(#left-body) .handset-send`)
	p.see("#left-problem", "This text is too long for a phone: nine SMS at most.")
	p.wait("readers of the screen hear it", `document.querySelector("#announcer").textContent.startsWith("This text is too long")`)
	p.wait("it stays when the phones are brought up to date", `refresh().then(() => { window.refreshed = !document.querySelector("#left-problem").hidden }), window.refreshed`)
	if got := evaluate[string](p, `document.querySelector("#left-body").value`); got != long {
		t.Errorf("the draft became %q", got)
	}
	p.set("#left-body", "")

	for caller, called := range map[string]string{"left": "right", "right": "left"} {
		p.click("#" + caller + "-dial-button")
		p.see("#"+called+"-caller-id", proxy)
		p.see("#"+caller+"-call", "who sees "+proxy)
		p.see(`#step-3[data-state="done"]`, "Ringing")
		if caller == "left" {
			p.save("handsets")
		}
		p.click("#" + called + "-answer")
		p.see("#"+caller+"-call", "Connected")
		p.click("#" + called + "-hangup")
		p.wait("the call is over", `!document.querySelector(".handset-call")`)
	}
	p.open("/customers")
	p.see("h1", "Customers")
	p.save("customers")
	p.open("/numbers")
	p.see("h1", "Numbers")
	p.save("numbers")
}

// Promise 1. With more rides than numbers, two rides of different people have
// the same one.
func TestStory_NeverTheWrongPerson(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	for _, someone := range [][3]string{{"/customers", "Noor Newcomer", "07700 900104"}, {"/drivers", "Hal Helmsman", "+44 7700 900204"}} {
		p.open(someone[0])
		p.fill("#name", someone[1])
		p.fill("#number", someone[2])
		p.click("form.form button")
		p.see(".flash", someone[1])
	}
	type ride struct {
		customer, driver person
		proxy            string
	}
	var rides []ride
	customers, drivers := p.people("#customer"), p.people("#driver")
	for i := range customers {
		rides = append(rides, ride{customers[i], drivers[i], p.createRide(customers[i], drivers[i])})
	}
	last := rides[len(rides)-1]
	shared := slices.IndexFunc(rides, func(r ride) bool { return r.proxy == last.proxy })
	if shared == len(rides)-1 {
		t.Fatalf("no two of %d rides share a number: add people to this test", len(rides))
	}
	first := rides[shared]

	p.takeHandsets(first.customer, first.driver)
	p.send("left", "from the first customer")
	p.send("right", "from the first driver")
	p.see("#left-texts .text-in .bubble", "from the first driver")
	p.takeHandsets(last.customer, last.driver)
	p.send("left", "from the last customer")
	p.send("right", "from the last driver")
	p.see("#left-texts .text-in .bubble", "from the last driver")
	for _, call := range [][2]person{{first.customer, first.driver}, {first.driver, first.customer}, {last.customer, last.driver}, {last.driver, last.customer}} {
		if got, want := b.callIn(t, call[0].number, last.proxy).body, transferTo(call[1].number); got != want {
			t.Errorf("%s calls: got %q, want %q", call[0].name, got, want)
		}
	}

	// Every phone has what was meant for it, and nothing else.
	for _, r := range rides {
		p.takeHandsets(r.customer, r.driver)
		left, right := []string(nil), []string(nil)
		switch r.customer {
		case first.customer:
			left, right = []string{"from the first driver"}, []string{"from the first customer"}
		case last.customer:
			left, right = []string{"from the last driver"}, []string{"from the last customer"}
		}
		for side, want := range map[string][]string{"left": left, "right": right} {
			p.wait("the phone has all its texts", `document.querySelectorAll("#`+side+`-texts .text-in").length >= `+strconv.Itoa(1+len(want)))
			got := p.received(side)
			if !slices.Equal(got[1:], want) {
				t.Errorf("ride of %s and %s, %s: got %q after the confirmation, want %q", r.customer.name, r.driver.name, side, got[1:], want)
			}
		}
	}
}

// Promise 2. The same webhook comes again and again, at once, later and after a
// restart.
func TestStory_NeverLostNeverDoubled(t *testing.T) {
	database := newDatabase(t)
	b := start(t, database, nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	customer, driver := p.people("#customer")[0], p.people("#driver")[0]
	proxy := p.createRide(customer, driver)

	post := func(id, body string) {
		t.Helper()
		if got := b.textIn(t, id, customer.number, proxy, body); got.status != http.StatusOK || got.body != "OK" {
			t.Errorf("POST /webhook: %d %q, want 200 OK", got.status, got.body)
		}
	}
	var posting sync.WaitGroup
	for range 8 {
		posting.Go(func() { post("one", "the first text") })
	}
	posting.Wait()
	post("one", "the first text")
	post("two", "the second text")
	p.takeHandsets(customer, driver)
	p.see("#right-texts .text-in .bubble", "the second text")

	// What comes last before the stop may be sent before or after it.
	post("three", "the third text")
	token := b.token
	b.stop()
	b = start(t, database, nil)
	if b.token != token {
		t.Error("a restart made another webhook token: the flows would be shut out")
	}
	p.base = b.base
	for _, repeated := range []string{"one", "two", "three"} {
		post(repeated, "whatever it says")
	}
	post("four", "the fourth text")

	p.takeHandsets(customer, driver) // still signed in
	p.see("#right-texts .text-in .bubble", "the fourth text")
	want := []string{"the first text", "the second text", "the third text", "the fourth text"}
	if got := p.received("right"); len(got) != 5 || !slices.Equal(got[1:], want) {
		t.Errorf("the driver's phone has %q, want the confirmation and %q", got, want)
	}
	if got := p.received("left"); len(got) != 1 {
		t.Errorf("the customer's phone has %q, want the confirmation alone", got)
	}
}

// Promise 3. Nobody who should not sees a personal number: not the other party,
// not who is signed out, not who reads the log.
func TestStory_NeverLeaked(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	customer, driver := p.people("#customer")[0], p.people("#driver")[0]
	secrets := []string{"+" + digits(customer.number), "+" + digits(driver.number)}
	proxy := p.createRide(customer, driver)
	p.takeHandsets(customer, driver)
	p.send("left", "Hello")
	p.see("#right-texts .text-in .bubble", "Hello")
	p.send("right", "Hello back")
	p.see("#left-texts .text-in .bubble", "Hello back")
	for i, caller := range []string{"left", "right"} {
		p.click("#" + caller + "-dial-button")
		p.see("#"+caller+"-call", "who sees "+proxy)
		p.wait("the other phone rings", `document.querySelector("#`+[]string{"right", "left"}[i]+`-answer")`)
		for j, side := range []string{"left", "right"} {
			words := strings.Join(p.texts(`section[aria-labelledby="`+side+`-name"]`), "\n")
			noLeak(t, "the "+side+" phone", words, secrets[1-j])
		}
		p.click("#" + caller + "-hangup")
		p.wait("the call is over", `!document.querySelector(".handset-call")`)
	}
	for _, path := range []string{"/customers", "/drivers", "/numbers"} {
		p.open(path)
		noLeak(t, path, p.source(), secrets...)
	}

	stranger := newAdmin(t, b.base)
	for _, path := range []string{
		"/", "/login", "/login?key=guessed", "/login?next=/customers", "/customers", "/simulator", "/simulator/phones", "/simulator/events",
		"/simulator/messagebird/messages", "/webhook-voice?source=" + digits(customer.number) + "&destination=" + digits(proxy),
		"/healthz", "/readyz", "/nowhere", "/static/app.js",
	} {
		answer := stranger.get(path)
		noLeak(t, path, answer.body, append(secrets, customer.name, driver.name, b.token)...)
	}
	b.textIn(t, "x", "+44 7700 900999", proxy, "I am a stranger") // an unknown sender is logged
	b.callIn(t, "+44 7700 900999", proxy)
	b.stop()
	noLeak(t, "the log", b.log.String(), append(secrets, "+447700900999", "Hello", "I am a stranger", b.token)...)
	noLeak(t, "standard output", b.out.String(), secrets...)
	if !strings.Contains(b.log.String(), "\n") {
		t.Error("nothing was logged, so this test looked at nothing")
	}
}
