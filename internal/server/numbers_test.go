package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/server"
	"birdcar/internal/store"
)

func TestNumber_life(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, number := s.seed()
	path := fmt.Sprintf("/numbers/%d", number.ID)
	page := s.get(path).wantStatus(200)
	page.wantText("+44 7700 900001")
	page.wantCopy("+447700900001")
	page.wantText("No current rides")
	s.post(path + "/drain").wantRedirect(path)
	page = s.get(path)
	page.wantText("+44 7700 900001 gets no new rides. Those it has go on.")
	page.wantText("draining")
	s.post("/createride", "customer", fmt.Sprint(customer.ID), "driver", fmt.Sprint(driver.ID), "datetime", "2026-11-20T19:00").wantStatus(http.StatusConflict)
	s.post(path + "/available").wantRedirect(path)
	s.get(path).wantText("is available for new rides.")
	s.post("/createride", "customer", fmt.Sprint(customer.ID), "driver", fmt.Sprint(driver.ID), "datetime", "2026-11-20T19:00").wantRedirect("/")

	page = s.get(path)
	page.wantText("connects 2 people")
	page.wantText("Ada Ben open")
	if strings.Contains(page.body, "/delete") {
		t.Error("a number that rides had can be deleted")
	}
	retire := s.get(path + "/retire").wantStatus(200)
	retire.wantText("Retire +44 7700 900001? Rides still connect through this number.")
	retire.wantNoForm("/retire")
	s.post(path + "/retire").wantStatus(http.StatusConflict).wantText("Rides still connect through this number.")
	ask := s.get(path + "/delete").wantStatus(200)
	ask.wantText("Rides had this number and their history names it, so it stays.")
	if strings.Contains(ask.text(), "No ride that is kept has it") {
		t.Error("a number that had rides is offered to be deleted")
	}
	s.post(path + "/delete").wantStatus(http.StatusConflict).wantText("Rides had this number")

	other, err := s.exchange.AddNumber(context.Background(), "020 7946 0002")
	if err != nil {
		t.Fatal(err)
	}
	path = fmt.Sprintf("/numbers/%d", other.ID)
	s.post(path + "/retire").wantRedirect(path)
	s.get(path).wantText("+44 20 7946 0002 is retired.")
	s.get("/numbers?state=retired").wantText("+44 20 7946 0002 retired")
	if strings.Contains(s.get("/numbers?state=available").text(), "7946") {
		t.Error("a retired number is among the available ones")
	}
	s.get(path + "/delete").wantText("No ride that is kept has it")
	s.post(path + "/delete").wantRedirect("/numbers")
	s.get("/numbers").wantText("+44 20 7946 0002 is out of the pool.")
	for _, gone := range []string{path, path + "/delete", path + "/retire", "/numbers/x"} {
		s.get(gone).wantStatus(404)
	}
	for _, action := range []string{"/drain", "/available", "/retire", "/delete"} {
		s.post(path + action).wantStatus(404)
	}
}

func TestNumbers_many(t *testing.T) {
	s := newSite(t)
	s.login()
	s.seed()
	a := s.post("/numbers/many", "numbers", "020 7946 0003\r\n\r\n+44 7700 900123,\n nonsense \n020 7946 0003").wantStatus(200)
	a.wantText("1 of 4 numbers added")
	a.wantText("020 7946 0003 added +44 20 7946 0003")
	a.wantText("+44 7700 900123 not added This is a customer's or driver's own number")
	a.wantText("nonsense not added This is not a phone number. Write it with its country code, like +31 6 12345678.")
	a.wantText("not added This number is in the pool already.")
	s.post("/numbers/many", "numbers", "020 7946 0004\n020 7946 0005").wantRedirect("/numbers")
	s.get("/numbers").wantText("2 numbers are in the pool.")
	pool := make([]string, 3000) // more than another form takes, encoded
	for i := range pool {
		pool[i] = fmt.Sprintf("+4420795%05d", i)
	}
	s.post("/numbers/many", "numbers", strings.Join(pool, "\r\n")).wantRedirect("/numbers")
	s.get("/numbers").wantText("3000 numbers are in the pool.")
	s.post("/numbers/many", "numbers", strings.Repeat("+", 1<<20/3+1)).wantStatus(http.StatusRequestEntityTooLarge)
	s.post("/numbers/many", "numbers", " \n ").wantStatus(http.StatusUnprocessableEntity).wantText("Type or choose at least one number.")

	for query, want := range map[string]string{"020+7946+0004": "+44 20 7946 0004", "0005": "+44 20 7946 0005"} {
		page := s.get("/numbers?q=" + query)
		page.wantText(want)
		if strings.Contains(page.text(), "7946 0003 ") {
			t.Errorf("%s finds others too", query)
		}
	}
	s.get("/numbers?q=0005&state=retired").wantText("No such number")
	s.get("/numbers?q=words").wantText("Numbers found")
	for _, none := range []string{"words", "!!", "words+0005"} {
		s.get("/numbers?q=" + none).wantText("No such number")
	}
	s.get("/numbers?q=" + strings.Repeat("0005+", 1000)).wantText("+44 20 7946 0005")
}

// A list that nobody searched does not explain the search.
func TestNumbers_noneOfAState(t *testing.T) {
	s := newSite(t)
	s.login()
	s.get("/numbers?state=draining").wantText("No numbers yet")
	_, _, number := s.seed()
	for query, want := range map[string]string{
		"?state=draining":        "No number is draining A draining number gets no new rides",
		"?state=retired":         "No number is retired A retired number connects nobody.",
		"?q=0001&state=draining": "No such number A search finds whole numbers",
		"?after=999":             "No more numbers",
	} {
		s.get("/numbers" + query).wantStatus(200).wantText(want)
	}
	s.post(fmt.Sprintf("/numbers/%d/drain", number.ID)).wantStatus(303)
	s.get("/numbers?state=available").wantText("No number is available Only an available number is given to new rides.")
}

func TestNumbers_owned(t *testing.T) {
	var owned []masking.Number
	var failure error
	s := newSite(t, func(c *server.Config) {
		c.OwnedNumbers = func(context.Context) ([]masking.Number, error) { return owned, failure }
	})
	s.login()
	s.seed()
	s.get("/numbers/owned").wantStatus(200).wantText("There are none.")
	for _, typed := range []string{"+447700900001", "+442079460006", "+442079460007"} {
		n, err := masking.ParseNumber(typed, "GB")
		if err != nil {
			t.Fatal(err)
		}
		owned = append(owned, n)
	}
	page := s.get("/numbers/owned").wantStatus(200)
	page.wantText("+44 20 7946 0006 +44 20 7946 0007")
	page.wantText("1 more is in the pool already.")
	s.do(http.MethodPost, "/numbers/many", "number=%2B442079460006&number=%2B442079460007", "Content-Type", formType).wantRedirect("/numbers")
	s.get("/numbers/owned").wantText("3 numbers, and all in the pool already.")

	failure = &masking.CarrierError{Outcome: masking.Refused, Code: 2, Reason: "MessageBird does not accept the API key."}
	s.get("/numbers/owned").wantStatus(http.StatusBadGateway).wantText("They could not be fetched. MessageBird does not accept the API key.")

	without := newSite(t)
	without.login()
	without.get("/numbers/owned").wantText("The carrier cannot be asked")
}

// The chart and the forecast come from what went through the numbers.
func TestNumbers_figures(t *testing.T) {
	s := newSite(t)
	s.login()
	_, _, number := s.seed()
	s.get("/numbers").wantText("Enough for not known yet two days of use will tell")
	ctx := context.Background()
	today := time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)
	for i := range 4 {
		err := s.store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.NotePoolDay(ctx, today.AddDate(0, 0, i-3), masking.PoolUse{Numbers: 9, Available: 9, InUse: i})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s.get("/numbers").wantText("Enough for less than a day a day's busiest moment takes 1.0 numbers more each day")
	if s.textIn("one", "+447700900123", number.Number.E164(), "Hello").status != 200 {
		t.Fatal("the text was not taken")
	}
	if _, err := s.store.CountTexts(ctx, time.UTC, today, 100); err != nil {
		t.Fatal(err)
	}
	s.get("/numbers").wantText("Last 14 days: 1 text, 0 failed")
	s.get("/numbers").wantText("Fri 20 Nov: 1 text, 0 failed")
}

// textIn posts a text as the carrier does.
func (s *site) textIn(id, from, to, body string) answer {
	s.t.Helper()
	return s.post("/webhook?token="+token, "id", id, "originator", from, "recipient", to, "body", body)
}

// wantCopy checks that a button of the page copies a whole number.
func (a answer) wantCopy(number string) {
	a.t.Helper()
	for button := range a.all("button") {
		if attribute(button, "data-copy") == number {
			return
		}
	}
	a.t.Errorf("no button copies %s", number)
}

// wantNoForm checks that the page offers nothing that posts to an address with this end.
func (a answer) wantNoForm(suffix string) {
	a.t.Helper()
	for form := range a.all("form") {
		if to := attribute(form, "action"); strings.HasSuffix(to, suffix) {
			a.t.Errorf("a form posts to %s: %s", to, a.text())
		}
	}
}
