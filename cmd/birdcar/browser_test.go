package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to show what a test waits for.
const patience = 30 * time.Second

// page is a tab of a browser of its own.
type page struct {
	t    *testing.T
	ctx  context.Context
	base string // of addresses that begin with a slash
}

// newPage starts a headless Chromium. Where none is installed the test is
// skipped, or fails when the environment says CI.
func newPage(t *testing.T, base string) *page {
	t.Helper()
	// The pages are our own and come over loopback; as root, which CI often is,
	// Chromium does not start inside its sandbox.
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	allocator, cancelAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancelAllocator)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	err := chromedp.Do(ctx)
	switch {
	case errors.Is(err, exec.ErrNotFound) && os.Getenv("CI") == "":
		t.Skip("no Chromium on this machine: install it to run the browser tests")
	case err != nil:
		t.Fatalf("start Chromium: %v", err)
	}
	p := &page{t: t, ctx: ctx, base: base}
	p.do("set the window", chromedp.EmulateViewport(1280, 900))
	return p
}

func (p *page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %v\nthe page: %s", what, err, p.glance())
	}
}

// open goes to an address: a whole one, or a path of the server.
func (p *page) open(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.base + address
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(address))
	if err != nil && ctx.Err() == nil {
		// Once in thousands Chromium reports a navigation as failed whose page it shows.
		p.t.Logf("open %s, again after: %v", address, err)
		err = chromedp.Do(ctx, chromedp.Navigate(address))
	}
	if err != nil {
		p.t.Fatalf("open %s: %v\nthe page: %s", address, err, p.glance())
	}
}

// wait waits until the JavaScript expression is true, across page loads.
func (p *page) wait(what, expression string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	script := fmt.Sprintf(`new Promise((resolve, reject) => {
		const look = () => {
			try { if (%s) resolve(true); else setTimeout(look, 10) } catch (problem) { reject(problem) }
		}
		look()
	})`, expression)
	for {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](script, chromedp.EvalAwaitPromise))
		var exception *chromedp.ExceptionError
		switch {
		case err == nil:
			return
		case ctx.Err() != nil, errors.As(err, &exception):
			p.t.Fatalf("%s: %v\nthe page: %s", what, err, p.glance())
		}
		// The page was left while the promise waited: look at the next one.
	}
}

// see waits until an element shows the text.
func (p *page) see(css, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("see %q in %s", text, css), fmt.Sprintf(
		`[...document.querySelectorAll(%s)].some(e => e.checkVisibility() && e.innerText.includes(%s))`, quote(css), quote(text)))
}

// click clicks the first element, which must be visible. When the click leads to
// another page, see or wait for what it shows.
func (p *page) click(css string) {
	p.t.Helper()
	p.do("click "+css, chromedp.Click(chromedp.CSS(css)))
}

// pressEnter presses Enter in the element that has the focus. Unlike KeyEvent it
// sends no character: a page that handles the key itself would get a line break.
func (p *page) pressEnter() {
	p.t.Helper()
	p.do("press Enter", chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		for _, kind := range []input.DispatchKeyEventType{input.DispatchKeyEventTypeRawKeyDown, input.DispatchKeyEventTypeKeyUp} {
			_, err := cdp.Call(ctx, tab, input.DispatchKeyEvent, input.DispatchKeyEventParams{
				Type: kind, Key: "Enter", Code: "Enter", WindowsVirtualKeyCode: 13, NativeVirtualKeyCode: 13,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// enter signs in where somebody comes first, and sees the home page.
func (p *page) enter(password string) {
	p.t.Helper()
	p.open("/")
	p.signIn(password)
	p.see("h1", "Current rides")
}

// signIn sends the password from the login page.
func (p *page) signIn(password string) {
	p.t.Helper()
	p.fill("#password", password)
	p.click("form button.primary")
}

// fill types a text into a field, over what is there.
func (p *page) fill(css, text string) {
	p.t.Helper()
	p.do("fill "+css, chromedp.WaitVisible(chromedp.CSS(css)))
	evaluate[bool](p, fmt.Sprintf(`(field => { field.focus(); field.select(); return true })(document.querySelector(%s))`, quote(css)))
	p.do("type into "+css, chromedp.KeyEvent(text))
}

// set gives a field its value at once, as pickers do.
func (p *page) set(css, value string) {
	p.t.Helper()
	p.wait("set "+css, fmt.Sprintf(`(field => {
		if (!field) return false
		field.value = %s
		field.dispatchEvent(new Event("input", {bubbles: true}))
		field.dispatchEvent(new Event("change", {bubbles: true}))
		return true
	})(document.querySelector(%s))`, quote(value), quote(css)))
}

// choose picks the option of a drop-down whose words begin with text.
func (p *page) choose(css, text string) {
	p.t.Helper()
	p.wait(fmt.Sprintf("choose %q in %s", text, css), fmt.Sprintf(`(list => {
		const option = list && [...list.options].find(o => o.text.trim().startsWith(%s))
		if (!option) return false
		list.value = option.value
		list.dispatchEvent(new Event("change", {bubbles: true}))
		return true
	})(document.querySelector(%s))`, quote(text), quote(css)))
}

// texts is what each element shows.
func (p *page) texts(css string) []string {
	p.t.Helper()
	return evaluate[[]string](p, fmt.Sprintf(`[...document.querySelectorAll(%s)].map(e => e.innerText.trim())`, quote(css)))
}

// source is the page as it now stands, with everything that does not show.
func (p *page) source() string {
	p.t.Helper()
	return evaluate[string](p, `document.documentElement.outerHTML`)
}

func evaluate[T any](p *page, expression string) T {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.t.Fatalf("look at the page: %v", err)
	}
	return value
}

// glance is the page's address and words, for the message of a failure.
func (p *page) glance() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	words, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.pathname + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return words
}

// appear sets the window's width and whether it is a dark one, for pictures:
// nothing moves from then on.
func (p *page) appear(width int64, dark bool) {
	p.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	p.do("set the window", chromedp.EmulateViewport(width, 900), chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{
				{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
			},
		})
		return err
	}))
}

// picture is the whole page as PNG.
func (p *page) picture() []byte {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.t.Fatalf("take a picture: %v", err)
	}
	return png
}

// quote is s as a literal of JavaScript.
func quote(s string) string {
	literal, _ := json.Marshal(s) // a string always has one
	return string(literal)
}
