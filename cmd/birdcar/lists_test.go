package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// eachWidth runs a story on a desktop and on a phone, on a program of its own.
func eachWidth(t *testing.T, story func(t *testing.T, p *page)) {
	t.Helper()
	for name, width := range map[string]int64{"desktop": 1280, "phone": 360} {
		t.Run(name, func(t *testing.T) {
			b := start(t, newDatabase(t), nil)
			p := newPage(t, b.base)
			p.appear(width, false)
			p.open(b.login)
			p.see("h1", "Current rides")
			story(t, p)
		})
	}
}

// path is where the page is.
func (p *page) path() string {
	p.t.Helper()
	return strings.TrimPrefix(evaluate[string](p, `location.href`), p.base)
}

// Customers are added, found, changed and deleted.
func TestStory_People(t *testing.T) {
	eachWidth(t, func(t *testing.T, p *page) {
		p.open("/customers")
		p.fill("#name", "Noor Newcomer")
		p.fill("#number", "07700 900104")
		p.click("form.form button")
		p.see(".flash", "Noor Newcomer is on the list of customers.")
		p.fill("#q", "+44 7700 900104")
		p.click(".search button")
		p.wait("only she is found", `document.querySelectorAll("tbody tr").length === 1`)
		p.click("tbody a")
		p.see("h1", "Noor Newcomer")
		p.see("body", "+44 7700 900104")
		p.save("customer")

		p.fill("#number", "call me")
		p.click("form.form button")
		p.see(".problem", "This is not a phone number")
		p.wait("the field that is wrong has the focus", `document.activeElement.id === "number"`)
		p.fill("#name", "Noor Known")
		p.fill("#number", "07700 900105")
		p.click("form.form button")
		p.see(".flash", "Noor Known is saved. Current rides and texts on their way go to the new number.")

		p.click(".heading .danger")
		p.see("h1", "Delete Noor Known?")
		p.save("delete")
		p.click("form.actions a")
		p.see("h1", "Noor Known")
		p.click(".heading .danger")
		p.see("h1", "Delete Noor Known?")
		p.click("form.actions .danger")
		p.see(".flash", "Noor Known is off the list of customers.")

		// With a ride that connects, nobody can be deleted.
		customer, driver := p.people("#customer")[0], p.people("#driver")[0]
		p.createRide(customer, driver)
		p.open("/drivers?q=" + strings.ReplaceAll(driver.name, " ", "+"))
		p.click("tbody a")
		p.see("h1", driver.name)
		p.see("tbody", customer.name)
		p.click(".heading .danger")
		p.see("h1", "Delete")
		p.see(".notice", driver.name+" has a ride that still connects")
	})
}

// upload chooses a file of people on the page that imports them, and is the path
// of the page that shows what it would do.
func (p *page) upload(list, content string) (path string) {
	p.t.Helper()
	file := filepath.Join(p.t.TempDir(), "people.csv")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.open(list + "/import")
	p.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{file}))
	p.click("form[enctype] button")
	p.see(".tabs", "Refused")
	return p.path()
}

// seeTab waits until a tab of that name counts so many lines.
func (p *page) seeTab(name string, count int) {
	p.t.Helper()
	p.wait(fmt.Sprintf("see %d lines %s", count, name), fmt.Sprintf(
		`[...document.querySelectorAll(".tabs a")].some(a => a.textContent.replace(/\s+/g, " ").trim() === "%s %d")`, name, count))
}

// A file of people is looked at row by row before anything is written, then written
// while one watches.
func TestStory_Import(t *testing.T) {
	eachWidth(t, func(t *testing.T, p *page) {
		const added = 3000
		var file strings.Builder
		file.WriteString("Name;Number\nAda Nonsense;nonsense\nCaitlyn C. Carless;07700 900101\n")
		for i := range added {
			fmt.Fprintf(&file, "Person %c%c%c;+4477009%05d\n", 'A'+i%26, 'A'+i/26%26, 'A'+i/676, 10_000+i)
		}
		p.open("/customers/import")
		p.see("h1", "Import customers")
		p.save("import")
		p.upload("/customers", file.String())
		p.seeTab("Refused", 1)
		p.see("tbody", "This is not a phone number.")
		p.seeTab("To be changed", 1)
		p.seeTab("To be added", added)
		p.save("import-preview")
		p.click(`.tabs a[href$="change"]`)
		p.see("tbody", "The name changes from Caitlyn Carless.")
		p.click(`.tabs a[href$="add"]`)
		p.see("tbody", "Will be added")
		p.click(`a[rel="next"]`)
		p.see("tbody", "Person")
		p.click(".heading .primary")
		// It may be quick: then only its end shows.
		p.wait("the import shows how far it is", `document.querySelector("progress") || document.body?.innerText.includes("The import is done.")`)
		p.see(".heading", "The import is done.") // without a reload
		p.seeTab("Added", added)
		p.click(".heading .primary")
		p.see("#list", fmt.Sprintf("%d customers", added+3))

		// Going back up by keyboard, nobody's name is under the sticky head.
		evaluate[bool](p, `(scrollTo(0, document.body.scrollHeight), true)`)
		if under := evaluate[float64](p, `(() => {
			const head = document.querySelector("thead th"), links = [...document.querySelectorAll("tbody a")].reverse()
			return Math.max(...links.map(link => {
				link.focus({preventScroll: false})
				return head.checkVisibility() ? head.getBoundingClientRect().bottom - link.getBoundingClientRect().top : 0
			}))
		})()`); under > 0 {
			t.Errorf("what has the focus is %.0f pixels under the head of the table", under)
		}

		// A person is chosen among so many by typing, and / still means the rides.
		p.open("/")
		p.press("/")
		p.see("h1", "All rides")
		p.open("/")
		p.fill("#customer_q", "caitlyn c")
		p.wait("she is found and chosen", `document.querySelector("#customer").selectedOptions[0].text.startsWith("Caitlyn C. Carless (")`)
		p.save("picker")
		p.fill("#customer_q", "person bb")
		p.wait("others are found", `[...document.querySelectorAll("#customer option")].filter(o => o.text.startsWith("Person BB")).length > 3`)
		p.choose("#customer", "Person BBC")
		p.choose("#driver", "David Driver")
		p.set("#datetime", "2030-01-01T12:00")
		p.fill("#start", "Dam 1\r") // with Enter
		p.see(".flash", "Ride created. Person BBC and David Driver")
	})
}

// Numbers come in by the many and from the account, are drained and retired.
func TestStory_Numbers(t *testing.T) {
	eachWidth(t, func(t *testing.T, p *page) {
		p.open("/numbers")
		p.see(".health", "Numbers not in use")
		p.fill("#numbers", "020 7946 0011\n020 7946 0012")
		p.click(`form[action="/numbers/many"] button`)
		p.see("h1, .flash", "2 numbers are in the pool.")
		p.set("#numbers", "020 7946 0013\nnonsense")
		p.click(`form[action="/numbers/many"] button`)
		p.see("h1", "1 of 2 numbers added")
		p.see("tbody", "This is not a phone number.")
		p.save("numbers-added")

		p.open("/numbers/owned")
		p.see("h1", "Numbers of the simulator")
		p.save("numbers-owned")
		p.click(".choices label:nth-of-type(1) input") // all but the first
		p.click(".form .primary")
		p.see(".flash", "4 numbers are in the pool.")

		p.open("/numbers?q=0012")
		p.click("tbody a")
		p.see("h1", "+44 20 7946 0012")
		p.click(`form[action$="/drain"] button`)
		p.see(".flash", "gets no new rides. Those it has go on.")
		p.see(".health", "draining")
		p.click(`a[href$="/retire"]`)
		p.see("h1", "Retire +44 20 7946 0012?")
		p.click("form.actions .danger")
		p.see(".health", "retired")
		p.click(`form[action$="/available"] button`)
		p.see(".health", "available")
		p.save("number")
		p.open("/numbers")
		p.save("numbers-list")
	})
}

// Setup says what to paste where and whether it works; and ends every session.
func TestStory_Setup(t *testing.T) {
	eachWidth(t, func(t *testing.T, p *page) {
		p.open("/setup")
		p.see(".checks", "The simulator carries texts and calls")
		for _, url := range p.texts(".webhook-url code") {
			if !strings.Contains(url, "/webhook") || !strings.Contains(url, "?token=") {
				t.Errorf("the URL to paste is %q", url)
			}
		}
		p.click(".webhook-url button")
		p.wait("the button says what became of it", `/^(Copied|Copying is blocked) the URL$/.test(document.querySelector(".webhook-url button").textContent)`)
		p.wait("it keeps the focus", `document.activeElement === document.querySelector(".webhook-url button")`)
		p.wait("it can be pressed again", `document.querySelector(".webhook-url button").textContent === "Copy the URL"`)
		p.save("setup")
		customer, driver := p.people("#customer")[0], p.people("#driver")[0]
		p.createRide(customer, driver)
		p.open("/setup")
		p.wait("the simulator's report was seen", `fetch("/setup").then(r => r.text()).then(page => { window.setup = page }),
			/Delivery reports come in<\/h3>\s*<p>The last one came today/.test(window.setup)`)
		p.click(".guide .danger")
		p.see("h1", "Sign out everywhere?")
		p.click("form.actions .danger")
		p.see("h1", "Sign in")
		p.open("/customers")
		p.see("h1", "Sign in")
	})
}

// A word longer than the window, like a pasted address of a map, breaks: nothing
// scrolls sideways.
func TestStory_LongWords(t *testing.T) {
	b := start(t, newDatabase(t), map[string]string{"ADMIN_PASSWORD": "pass word"})
	name, place := strings.Repeat("Wolfeschlegel", 6), "https://maps.example/"+strings.Repeat("a7Bd", 40)
	p := newPage(t, b.base)
	p.enter("pass word")
	admin := signedIn(t, b.base, "pass word")
	admin.post("/customers", url.Values{"name": {name}, "number": {"07700 900801"}})
	admin.post("/drivers", url.Values{"name": {name + "s"}, "number": {"07700 900802"}})
	customer, driver := admin.id(name), admin.id(name+"s")
	admin.post("/createride", url.Values{"customer": {customer}, "driver": {driver}, "start": {place}, "destination": {place},
		"datetime": {time.Now().Add(time.Hour).Format("2006-01-02T15:04")}})
	roster := p.upload("/customers", "Name,Number\n"+name+","+strings.Repeat("9", 160)+"\n"+name+",07700 900803\n")
	admin.post("/rides/1/end", nil) // lingering is the longest state
	for _, width := range []int64{1280, 375} {
		for _, path := range []string{"/", "/rides", "/rides/1", "/rides/1/cancel", "/customers", "/customers/" + customer,
			"/customers/" + customer + "/delete", "/drivers/" + driver, "/messages?show=waiting", "/numbers/1", "/simulator",
			roster, roster + "?show=add", roster + "?show=change"} {
			p.appear(width, false)
			p.open(path)
			p.see("h1", "")
			p.fits()
		}
	}
}

// Between a phone and a desk too, every table fits into its card and every page
// into the window.
func TestStory_EveryWidth(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	customer, driver := p.people("#customer")[0], p.people("#driver")[0]
	proxy := p.createRide(customer, driver)
	p.click("table.rides .row-link")
	p.see("h1", customer.name)
	p.click(`a[href$="/end"]`)
	p.see("h1", "End the ride")
	p.click(".button.danger")
	p.see("#facts", "lingering")
	p.createRide(p.people("#customer")[1], driver)
	b.textIn(t, "x", "+44 7700 900999", proxy, "Who is this?")
	for _, path := range []string{"/", "/rides", "/rides/1", "/messages?show=unknown", "/customers", "/customers/1", "/drivers/1", "/numbers", "/numbers/1", "/setup", "/simulator"} {
		p.open(path)
		p.see("h1", "")
		for _, width := range []int64{320, 500, 641, 720, 768, 800, 820, 860, 899, 900, 960, 1024, 1119, 1120, 1140, 1199, 1200, 1480} {
			p.appear(width, false)
			p.fits()
		}
	}
}

// On a touch screen links are high enough for a finger.
func TestStory_Fingers(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	p.createRide(p.people("#customer")[0], p.people("#driver")[0])
	p.do("make it a touch screen", chromedp.EmulateViewport(375, 900, chromedp.EmulateMobile, chromedp.EmulateTouch))
	if stranger := b.textIn(t, "x", "+44 7700 900999", "+44 7700 900901", "Who is this?"); stranger.status != http.StatusOK {
		t.Fatalf("the stranger's text is answered %d", stranger.status)
	}
	for path, css := range map[string]string{
		"/": ".health .figure a, .health .note a, .card-heading a, .pool button", "/setup": ".guide li a", "/numbers": ".explain summary, tbody a", "/customers": "tbody a",
		"/messages?show=unknown": "tbody a", "/simulator": "summary", "/rides/1": ".heading a, .card-heading a, .about a, .about-actions a",
		"/customers/import": ".actions a",
	} {
		p.open(path)
		p.see("main", "")
		low := evaluate[float64](p, fmt.Sprintf(`Math.min(...[...document.querySelectorAll(%s)].map(e => e.getBoundingClientRect().height))`, quote(css)))
		if low < 40 {
			t.Errorf("%s: a link in %s is %.0f pixels high", path, css, low)
		}
		p.fits()
	}
}

// In colours of the reader's own the thread that a handset shows can be told from the others, and on
// paper a ride's cards stand apart, without links that nobody can follow there.
func TestStory_OtherMedia(t *testing.T) {
	b := start(t, newDatabase(t), nil)
	p := newPage(t, b.base)
	p.open(b.login)
	p.see("h1", "Current rides")
	customers, driver := p.people("#customer"), p.people("#driver")[0]
	p.createRide(customers[0], driver)
	p.createRide(customers[1], driver)
	media := func(params emulation.SetEmulatedMediaParams) {
		p.do("set the medium", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, params)
			return err
		}))
	}
	p.open("/simulator")
	media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "forced-colors", Value: "active"}}})
	colors := evaluate[[]string](p, `["[aria-current]", ":not([aria-current])"].map(which =>
		getComputedStyle(document.querySelector("#right-threads a" + which)).borderBottomColor)`)
	if colors[0] == colors[1] {
		t.Errorf("the chosen thread and the others have the same line, %s", colors[0])
	}
	p.open("/rides/1")
	media(emulation.SetEmulatedMediaParams{Media: "print"})
	if links := evaluate[[]string](p, `[...document.querySelectorAll(".card-heading a, .about-actions a, .button")].filter(e => e.checkVisibility()).map(e => e.innerText)`); len(links) > 0 {
		t.Errorf("links and buttons are printed: %q", links)
	}
	if gap := evaluate[float64](p, `(cards => cards[1].getBoundingClientRect().top - cards[0].getBoundingClientRect().bottom)(document.querySelectorAll(".card"))`); gap < 8 {
		t.Errorf("the cards are %.0f pixels apart", gap)
	}
}
