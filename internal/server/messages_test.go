package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

func TestMessages(t *testing.T) {
	s := newSite(t)
	s.login()
	for show, empty := range map[string]string{"failed": "No text has failed", "waiting": "No text waits", "unknown": "No texts from unknown senders"} {
		s.get("/messages?show=" + show).wantStatus(200).wantText(empty)
	}
	s.get("/messages/again").wantText("No text has failed that could be sent again.")

	ada, ben, proxy := s.seed()
	ride := s.schedule(ada, ben)
	stranger, err := masking.ParseCarrier("447700900999", "GB")
	if err != nil {
		t.Fatal(err)
	}
	s.text(stranger, proxy.Number, "Hello, who is this?")
	waiting := s.get("/messages?show=waiting")
	waiting.wantText("Failed 0 Waiting 2 From unknown senders 1")
	waiting.wantText("Ada +447•••••••23 Ben will pick you up")

	s.settle(ada.Number, ben.Number)
	failed := s.get("/messages").wantStatus(200)
	failed.wantText("Failed 2 Waiting 0 From unknown senders 1")
	failed.wantText("failed The phone is switched off. Ride " + fmt.Sprint(ride))
	failed.wantText("Send again to Ada")
	failed.wantText("Send again to Ben")
	unknown := s.get("/messages?show=unknown")
	unknown.wantText("+447•••••••99 Hello, who is this? today 18:00 +44 7700 900001")
	unknown.wantCopy("+447700900001")
	for name, page := range map[string]answer{"failed": failed, "waiting": waiting, "unknown": unknown} {
		for _, secret := range []string{"900123", "900456", "900999"} {
			if strings.Contains(page.body, secret) {
				t.Errorf("the list of %s shows a whole personal number", name)
			}
		}
	}

	// One by one, and all.
	one := failed.action("/again")
	s.post(one, "back", "/messages").wantRedirect("/messages")
	page := s.get("/messages")
	page.wantText("The text is sent again.")
	page.wantText("Failed 1 Waiting 1")
	s.post(one, "back", "/messages").wantRedirect("/messages") // a second click
	s.get("/messages").wantText("Failed 1 Waiting 1")
	s.settle(ada.Number, ben.Number)
	s.get("/messages/again").wantText("Send 2 failed texts again?")
	s.post("/messages/again").wantRedirect("/messages")
	page = s.get("/messages")
	page.wantText("2 texts are sent again.")
	page.wantText("Failed 0 Waiting 2")
	s.settle()
	s.get("/messages").wantText("Failed 0 Waiting 0")
	s.post("/messages/999/again", "back", "/messages").wantStatus(404)
}

// What cannot be sent again, because the ride is over, is not offered to be.
func TestMessages_ofARideThatIsOver(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	over := s.schedule(ada, ben)
	s.settle(ben.Number)
	s.exchange.Linger = 0
	if _, err := s.exchange.EndRide(context.Background(), over); err != nil {
		t.Fatal(err)
	}
	if _, err := s.exchange.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	page := s.get("/messages").wantStatus(200)
	page.wantText("Failed 1 ")
	page.wantText(fmt.Sprintf("Ride %d The ride is over", over))
	if strings.Contains(page.text(), "Send all again") || strings.Contains(page.body, "/again") {
		t.Errorf("a text of a ride that is over is offered to be sent again: %s", page.text())
	}
	s.get("/messages/again").wantText("No text has failed that could be sent again.")
	s.get("/messages/2").wantText("The ride is over and its number no longer connects these two, so it cannot be sent any more.")
	s.post("/messages/2/again", "back", "/messages").wantStatus(http.StatusConflict).wantText("it cannot be sent any more.")

	s.schedule(ada, ben)
	s.settle(ada.Number, ben.Number)
	page = s.get("/messages")
	page.wantText("Failed 3 ")
	if again, not := strings.Count(page.body, `/again">`)-1, strings.Count(page.text(), "The ride is over"); again != 2 || not != 1 {
		t.Errorf("%d texts can be sent again and %d not, want 2 and 1", again, not)
	}
	page.wantText("Send all again")
	s.get("/messages/again").wantText("Send 2 failed texts again?")
	s.post("/messages/again").wantRedirect("/messages")
	s.get("/messages").wantText("2 texts are sent again. 1 text is not, because the ride is over.")
}

func TestMessage(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	ride := s.schedule(ada, ben)
	s.settle(ada.Number)
	page := s.get("/messages/1").wantStatus(200)
	page.wantText("failed The phone is switched off. (carrier's code 27)")
	page.wantText("To Ada, +44 7700 900123")
	page.wantText("Ride " + fmt.Sprint(ride))
	s.post(page.action("/again"), "back", "/messages").wantRedirect("/messages")
	for form := range s.get("/messages/1").all("form") {
		if strings.HasSuffix(attribute(form, "action"), "/messages/1/again") {
			t.Error("what was sent again can be sent again")
		}
	}
	s.post("/messages/2/again", "back", "/messages").wantStatus(http.StatusConflict).wantText("Only a message that failed can be sent again.")
	s.get("/messages/999").wantStatus(404)
	s.get("/messages/x").wantStatus(404)
}

func TestMessages_pages(t *testing.T) {
	s := newSite(t)
	s.login()
	_, _, proxy := s.seed()
	stranger, err := masking.ParseCarrier("447700900999", "GB")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		s.text(stranger, proxy.Number, fmt.Sprintf("text %d", i))
	}
	first := s.get("/messages?show=unknown")
	first.wantText("text 10 ")
	second := s.get(first.href("Older")).wantStatus(200)
	second.wantText("text 9 ")
	if text := second.text(); strings.Contains(text, "text 10 ") || second.href("Older") != "" || second.href("Newest") != "/messages?show=unknown" {
		t.Errorf("the second page holds what the first does, or does not end: %s", text)
	}
}

// The strip tells what became of texts, and what waits.
func TestHome_health(t *testing.T) {
	s := newSite(t)
	s.login()
	ada, ben, _ := s.seed()
	s.get("/").wantText("no text waits")
	s.schedule(ada, ben)
	s.get("/").wantText("Waiting to be sent 2 the oldest since today 18:00 , for less than a minute")
	s.settle(ben.Number)
	for _, when := range []string{"at once", "counted"} {
		home := s.get("/")
		home.wantText("Texts in the last 24 hours 2 sent 1 delivered 1 failed")
		if home.href("1 failed") != "/messages" {
			t.Error("the failed texts are not a click away")
		}
		home.wantText("18:00–19:00: 2 sent, 1 delivered, 1 failed")
		if t.Failed() {
			t.Fatal(when)
		}
		if err := s.store.CountMinutes(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	home := s.get("/")
	home.wantText("Numbers not in use 0 of 1")
	home.wantText("no text waits")
}
