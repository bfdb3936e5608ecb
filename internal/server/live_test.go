package server_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/server"
)

// stream opens an address of server-sent events, and waits for a line of it.
func (s *site) stream(target string) (until func(line string), ended func() bool) {
	s.t.Helper()
	resp, err := s.client.Get(s.url + target)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || got != "text/event-stream" {
		s.t.Fatalf("%s answers %d with %q", target, resp.StatusCode, got)
	}
	lines := bufio.NewScanner(resp.Body)
	until = func(line string) {
		s.t.Helper()
		for lines.Scan() {
			if lines.Text() == line {
				return
			}
		}
		s.t.Fatalf("the stream ended before %q: %v", line, lines.Err())
	}
	return until, func() bool {
		for lines.Scan() {
		}
		return lines.Err() == nil
	}
}

func TestEvents(t *testing.T) {
	s := newSite(t)
	s.get("/events").wantRedirect("/login?next=%2Fevents")
	s.login()
	all, allEnded := s.stream("/events")
	ride, rideEnded := s.stream("/events?ride=5")
	sending, sendingEnded := s.stream("/events?about=sending")
	for _, until := range []func(string){all, ride, sending} {
		until("retry: 1000")
	}
	const changed = "event: changed"
	s.server.Publish(masking.Event{Kind: masking.TextIn, RideID: 4})
	all(changed)
	s.server.Publish(masking.Event{Kind: masking.TextIn, RideID: 5})
	all(changed)
	ride(changed)
	s.server.Publish(masking.Event{Kind: masking.SendingMoved})
	for _, until := range []func(string){all, ride, sending} {
		until(changed)
	}
	s.do(http.MethodHead, "/events", "").wantStatus(http.StatusOK)

	s.server.EndStreams()
	s.server.EndStreams()
	if !allEnded() || !rideEnded() || !sendingEnded() {
		t.Error("a stream broke instead of ending with the server")
	}
}

// What a redirect has to say is for the page that follows, not for another page
// that happens to load its parts in between.
func TestEvents_leaveTheFlash(t *testing.T) {
	s := newSite(t)
	s.login()
	s.post("/customers", "name", "Ada", "number", "07700 900123").wantRedirect("/customers")
	if a := s.do(http.MethodGet, "/customers", "", "X-Live", "1"); strings.Contains(a.text(), "Ada is on the list") {
		t.Error("a part of another page took the flash")
	}
	s.get("/customers").wantText("Ada is on the list")
}

func TestPaused(t *testing.T) {
	status := masking.SendingStatus{}
	s := newSite(t, func(c *server.Config) { c.Sending = func() masking.SendingStatus { return status } })
	s.login()
	s.get("/").wantText("Simulator texts stay here") // for none leaves this machine
	for _, page := range []string{"/", "/customers"} {
		status = masking.SendingStatus{}
		if text := s.get(page).text(); strings.Contains(text, "No text leaves") || strings.Contains(text, "paused") {
			t.Errorf("%s says that texts are paused: %s", page, text)
		}
		since := time.Date(2026, 11, 20, 16, 30, 0, 0, time.UTC)
		status = masking.SendingStatus{Stopped: true, Account: true, Reason: "The API key is not valid.", Since: since, NextTry: since.Add(time.Hour)}
		a := s.get(page)
		a.wantText("Texts paused")
		a.wantText("No text leaves now. The API key is not valid.")
		a.wantText("Stopped today 17:30 ; next try today 18:30 .")
	}
}
