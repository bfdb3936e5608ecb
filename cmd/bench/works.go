package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"birdcar/internal/masking"
)

const token = "benchmark"

func get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
}

func post(path, headers, form string) []byte {
	return appendPost(nil, path, headers, []byte(form))
}

func appendPost(to []byte, path, headers string, form []byte) []byte {
	return fmt.Appendf(to, "POST %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, headers, len(form), form)
}

// caller is one party of a live ride: who calls whom through what.
type caller struct{ from, proxy, to masking.Number }

// callersOf are both parties of the rides that stay live until then.
func callersOf(rides []masking.Ride, until time.Time) []caller {
	var all []caller
	for _, r := range rides {
		if r.Due.Before(until) {
			continue
		}
		all = append(all, caller{r.Customer.Number, r.Proxy.Number, r.Driver.Number}, caller{r.Driver.Number, r.Proxy.Number, r.Customer.Number})
	}
	return all
}

// calling asks for call flows of random live routes and looks at each answer.
// check is false of a handler that answers nothing.
func calling(callers []caller, check bool) work {
	type question struct{ request, want []byte }
	questions := make([]question, len(callers))
	for i, c := range callers {
		questions[i] = question{
			get(fmt.Sprintf("/webhook-voice?callID=2894efe1-6ab4-4d4c-8f5b-3a8f1d6b7f11&destination=%s&numberID=272cca7c-41c6-4c5f-9f5e-1e3f5a0c9d55&source=%s&variables=%%7B%%7D&token=%s",
				c.proxy.Digits(), c.from.Digits(), token)),
			fmt.Appendf(nil, `<Transfer destination="%s"`, c.to.Digits()),
		}
	}
	return func(c *conn, connection int) func(time.Time) error {
		random := rand.New(rand.NewPCG(7, uint64(connection)))
		return func(time.Time) error {
			q := questions[random.IntN(len(questions))]
			status, err := c.ask(q.request)
			switch {
			case err != nil:
				return err
			case status != http.StatusOK, check && !bytes.Contains(c.body, q.want):
				return c.unexpected("a call", status)
			}
			return nil
		}
	}
}

// texts numbers the texts of one database, so that no webhook repeats another.
var texts atomic.Int64

// texting posts a new text of a random live route to path. When wait is set each
// connection goes on once the carrier has its text, so that no queue can grow.
func texting(ctx context.Context, callers []caller, path string, to *carrier, wait bool, sent []atomic.Int64) work {
	payload := url.QueryEscape(textMark) + "%08d.%03d" + strings.ReplaceAll(url.QueryEscape(": I am at the corner"), "%", "%%")
	layout := "id=%016x%016x&originator=%s&recipient=%s&payload=" + payload +
		"&createdDatetime=2026-11-21T10%%3A30%%3A59%%2B00%%3A00&reference=47749346971"
	return func(c *conn, connection int) func(time.Time) error {
		random := rand.New(rand.NewPCG(8, uint64(connection)))
		patience := time.NewTimer(time.Hour)
		var form, request []byte
		return func(due time.Time) error {
			number := texts.Add(1)
			if number >= maxTexts {
				return fmt.Errorf("more than %d texts", maxTexts)
			}
			from := callers[random.IntN(len(callers))]
			form = fmt.Appendf(form[:0], layout, scattered(number), number, from.from.Digits(), from.proxy.Digits(), number, connection)
			request = appendPost(request[:0], path, "", form)
			sent[number].Store(due.UnixNano())
			if err := c.send(request); err != nil {
				return err
			}
			arrived := true
			if wait { // first: the answer comes before, and need not wake anybody
				patience.Reset(30 * time.Second)
				select {
				case <-to.awaited[connection]:
				case <-patience.C:
					arrived = false
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			status, err := c.receive()
			switch {
			case err != nil:
				return err
			case status != http.StatusOK:
				return c.unexpected("a text", status)
			case !arrived:
				return fmt.Errorf("text %d never reached the carrier", number)
			}
			return nil
		}
	}
}

// riding creates rides of random people, as the admin, until one pair can have no number more:
// a phone has each of the pool once at a time.
func riding(customers, drivers []masking.Party, cookie string) work {
	return func(c *conn, connection int) func(time.Time) error {
		random := rand.New(rand.NewPCG(9, uint64(connection)))
		return func(time.Time) error {
			form := fmt.Sprintf("customer=%d&driver=%d&start=Canal+Street+1&destination=High+Street+2&datetime=%s",
				customers[random.IntN(len(customers))].ID, drivers[random.IntN(len(drivers))].ID,
				url.QueryEscape(time.Now().Add(time.Hour).Format("2006-01-02T15:04")))
			status, err := c.ask(post("/createride", "Cookie: "+cookie+"\r\n", form))
			switch {
			case err != nil:
				return err
			case status == http.StatusConflict && bytes.Contains(c.body, []byte(masking.PoolEmpty)):
				return errDone
			case status != http.StatusSeeOther:
				return c.unexpected("a ride", status)
			}
			return nil
		}
	}
}

// login signs in as the admin and returns the session's cookie.
func login(address string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.PostForm("http://"+address+"/login", url.Values{"password": {password}})
	if err != nil {
		return "", err
	}
	answer.Body.Close()
	var cookies []string
	for _, c := range jar.Cookies(&url.URL{Scheme: "http", Host: address}) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) == 0 {
		return "", fmt.Errorf("sign-in was answered with %s", answer.Status)
	}
	return strings.Join(cookies, "; "), nil
}

const password = "benchmark-password"
