package server_test

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

func TestParties_search(t *testing.T) {
	s := newSite(t)
	s.login()
	for i := range 105 {
		if _, err := s.exchange.AddParty(context.Background(), masking.Driver, fmt.Sprintf("Dan %c%c", 'A'+i/26, 'a'+i%26), fmt.Sprintf("07700 900%03d", i)); err != nil {
			t.Fatal(err)
		}
	}
	page := s.get("/drivers")
	page.wantText("105 drivers")
	page.wantText("Dan Dv")
	if text := page.text(); strings.Contains(text, "Dan Dw") || strings.Contains(text, "First page") {
		t.Error("the first page holds more than a hundred people, or has one before it")
	}
	next := ""
	for a := range page.all("a") {
		if attribute(a, "rel") == "next" {
			next = attribute(a, "href")
		}
	}
	page = s.get(next).wantStatus(200)
	page.wantText("Dan Dw")
	page.wantText("Dan Ea")
	page.wantText("First page")
	if strings.Contains(page.text(), "Dan Dv") {
		t.Error("somebody is on two pages")
	}

	page = s.get("/drivers?q=07700+900003").wantStatus(200)
	page.wantText("Drivers found")
	page.wantText("Dan Ad")
	if strings.Contains(page.text(), "Dan Ae") || page.value("q") != "07700 900003" {
		t.Error("the search finds others too, or is forgotten")
	}
	for _, nobody := range []string{"nobody", "!!", "%25", "%F0%9F%98%80"} {
		s.get("/drivers?q=" + nobody).wantText("No driver found")
		s.get("/drivers/options?q=" + nobody).wantText("Nobody found")
	}
	if _, err := s.exchange.AddParty(context.Background(), masking.Driver, "Zoë Ørsted", "07700 900999"); err != nil {
		t.Fatal(err)
	}
	s.get("/drivers?q=zoe+orsted").wantText("Zoë Ørsted")
	s.get("/drivers/options?q=zoe").wantText("Zoë Ørsted")
	s.get("/drivers?after=99999").wantStatus(404)
	s.get("/drivers?after=106").wantStatus(200).wantText("No more drivers")
}

func TestParty(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	path := fmt.Sprintf("/customers/%d", customer.ID)
	s.get("/customers").wantText("Ada")

	page := s.get(path).wantStatus(200)
	page.wantText("+44 7700 900123") // whole on the page of its own
	page.wantText("No rides yet")
	if page.value("name") != "Ada" || page.value("number") != "+44 7700 900123" {
		t.Errorf("the form holds %q and %q", page.value("name"), page.value("number"))
	}
	for _, missing := range []string{"/customers/999", "/customers/x", "/customers/-1", fmt.Sprintf("/drivers/%d/delete", driver.ID+7)} {
		s.get(missing).wantStatus(404)
	}
	s.post("/customers/999", "name", "A", "number", "07700 900124").wantStatus(404)
	s.post("/customers/999/delete").wantStatus(404)

	s.post("/createride", "customer", fmt.Sprint(customer.ID), "driver", fmt.Sprint(driver.ID), "start", "Dam 1", "datetime", "2026-11-20T19:00").wantStatus(303)
	s.get(path).wantText("Ben Dam 1")
	s.get(fmt.Sprintf("/drivers/%d", driver.ID)).wantText("Ada Dam 1")

	a := s.post(path, "name", "Ada L", "number", driver.Number.E164()).wantStatus(http.StatusUnprocessableEntity)
	if problem := a.problem("number"); !strings.Contains(problem, "Ben") || a.value("name") != "Ada L" {
		t.Errorf("the other party's number is refused with %q, keeping %q", problem, a.value("name"))
	}
	a = s.post(path, "name", "", "number", "x").wantStatus(http.StatusUnprocessableEntity)
	if a.problem("name") == "" || a.problem("number") == "" {
		t.Error("nothing is said beside an empty name or a wrong number")
	}
	s.post(path, "name", "Ada L", "number", "07700 900124").wantRedirect(path)
	page = s.get(path)
	page.wantText("Ada L is saved. Current rides and texts on their way go to the new number.")
	page.wantText("+44 7700 900124")
	s.post(path, "name", "Ada Lovelace", "number", "07700 900124").wantRedirect(path)
	s.get(path).wantText("Ada Lovelace is saved.")
}

func TestParty_delete(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	path := fmt.Sprintf("/customers/%d/delete", customer.ID)
	page := s.get(path).wantStatus(200)
	page.wantText("Delete Ada?")
	page.wantText("Ada, +44 7700 900123, leaves the list of customers")
	s.get("/customers").wantText("Ada") // looking deletes nobody

	s.post("/createride", "customer", fmt.Sprint(customer.ID), "driver", fmt.Sprint(driver.ID), "datetime", "2026-11-20T19:00").wantStatus(303)
	page = s.get(path).wantStatus(200)
	page.wantText("Ada has a ride that still connects (ride 1). Delete them when it has closed.")
	page.wantNoForm("/delete")
	a := s.post(path).wantStatus(http.StatusConflict)
	a.wantText("Ada has a ride that still connects (ride 1). Delete them when it has closed.")
	for range a.all("button") {
		if strings.Contains(a.text(), "Delete Ada Keep") {
			t.Error("what cannot be done is still offered")
		}
	}
	driverPath := fmt.Sprintf("/drivers/%d/delete", driver.ID)
	s.post(driverPath).wantStatus(http.StatusConflict).wantText("Ben has a ride that still connects")

	lonely, err := s.exchange.AddParty(context.Background(), masking.Customer, "Lonely", "07700 900199")
	if err != nil {
		t.Fatal(err)
	}
	path = fmt.Sprintf("/customers/%d", lonely.ID)
	s.post(path + "/delete").wantRedirect("/customers")
	page = s.get("/customers")
	page.wantText("Lonely is off the list of customers.")
	s.get("/customers?q=lonely").wantText("No customer found")
	s.get(path).wantStatus(404)
}

// upload posts a file as a browser does.
func (s *site) upload(target, file string) answer {
	s.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "people.csv")
	if err == nil {
		_, err = part.Write([]byte(file))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(http.MethodPost, target, body.String(), "Content-Type", form.FormDataContentType())
}

func TestRoster(t *testing.T) {
	s := newSite(t)
	s.login()
	s.seed()
	form := s.get("/customers/import").wantStatus(200)
	form.wantText("You see what each line will do before anything is changed.")
	form.wantText("Ada Example,+44 7700 900301 Ben Sample,+44 7700 900302")

	a := s.upload("/customers/import", "Name;Number\nAda;07700 900123\nBea;07700 900124\nCy;nonsense\nAda King;07700 900123\n;07700 900125\nZo\xe9;07700 900126\n")
	location := a.header.Get("Location")
	if !regexp.MustCompile(`^/customers/import/\d+$`).MatchString(location) {
		t.Fatalf("the file leads to %q (%d): %s", location, a.status, a.text())
	}
	page := s.get(location).wantStatus(200)
	page.wantText("Refused 4 To be changed 0 To be added 1 On the list already 1")
	page.wantText("4 Cy nonsense This is not a phone number.")
	page.wantText("5 Ada King 07700 900123 Line 2 has the same number.")
	page.wantText("6 none +447•••••••25 The name is missing.")
	page.wantText("7 Zo\uFFFD +447•••••••26 This name holds characters that cannot be read.")
	page.wantText("Import 1 customer")
	page = s.get(location + "?show=add")
	page.wantText("3 Bea +447•••••••24 Will be added")
	if strings.Contains(s.get("/customers").text(), "Bea") {
		t.Error("looking at the file added somebody")
	}
	s.get(strings.Replace(location, "customers", "drivers", 1)).wantStatus(404)

	s.post(location).wantRedirect(location)
	page = s.get(location)
	page.wantText("0 of 7 lines, 0 %")
	s.get(location + "/discard").wantText("The import of this file has begun, so it cannot be discarded any more.")
	s.post(location + "/discard").wantRedirect(location)
	s.get(location).wantText("cannot be discarded any more")
	if err := s.exchange.WriteRosters(context.Background()); err != nil {
		t.Fatal(err)
	}
	page = s.get(location)
	page.wantText("The import is done.")
	page.wantText("Refused 4 Changed 0 Added 1 On the list already 1")
	s.post(location).wantRedirect(location) // once more changes nothing
	s.get("/customers").wantText("2 customers")
	s.get("/customers").wantText("Bea +447•••••••24")

	again := s.upload("/drivers/import", "Ben,07700 900456").header.Get("Location")
	s.get(again).wantText("No line of this file changes the list.")
	ask := s.get(s.get(again).href("Discard the file")).wantStatus(200)
	ask.wantText("Discard the file? What its 1 line would do is forgotten.")
	s.get(again).wantStatus(200) // asking discards nothing
	s.get(strings.Replace(again, "drivers", "customers", 1) + "/discard").wantStatus(404)
	s.post(ask.action("/discard")).wantRedirect("/drivers")
	s.get(again).wantStatus(404)
}

func TestRoster_refused(t *testing.T) {
	s := newSite(t)
	s.upload("/customers/import", "Ada,07700 900123").wantRedirect("/login")
	s.login()
	for name, file := range map[string]string{"an empty file": "", "a spreadsheet": "PK\x03\x04"} {
		a := s.upload("/customers/import", file).wantStatus(http.StatusUnprocessableEntity)
		if a.problem("file") == "" {
			t.Errorf("%s: nothing is said beside the file", name)
		}
	}
	a := s.upload("/customers/import", strings.Repeat("x", 18<<20)).wantStatus(http.StatusUnprocessableEntity)
	if problem := a.problem("file"); !strings.Contains(problem, "16 MB") {
		t.Errorf("a large file is refused with %q", problem)
	}
	s.post("/customers/import", "file", "Ada,07700 900123").wantStatus(http.StatusBadRequest)
	s.do(http.MethodPost, "/customers/import", "--x\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n\r\n--x--\r\n",
		"Content-Type", "multipart/form-data; boundary=x").wantStatus(http.StatusUnprocessableEntity).wantText("Choose a file.")
	s.do(http.MethodPost, "/customers/import", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nAda,07700",
		"Content-Type", "multipart/form-data; boundary=x").wantStatus(http.StatusBadRequest)
	s.get("/customers").wantText("No customers yet")
}

// A name from right to left leaves the rest of a sentence alone, and a number's groups in their order.
func TestPeople_rightToLeft(t *testing.T) {
	s := newSite(t)
	s.login()
	s.seed()
	const name, apart = "אדה", "\u2068אדה\u2069"
	s.post("/customers", "name", name, "number", "07700 900124").wantRedirect("/customers")
	s.get("/customers").wantText(apart + " is on the list of customers.")
	s.get("/").wantText(apart + " (+44 7700 900124)")
	s.get("/customers/2/delete").wantText("Delete " + apart + "? " + apart + ", +44 7700 900124, leaves the list")
	s.post("/createride", "customer", "2", "driver", "1", "datetime", "2026-11-20T19:00").wantRedirect("/")
	s.get("/").wantText("Ride created. " + apart + " and Ben reach each other through +44 7700 900001.")
	page := s.get("/rides/1")
	page.wantText("Confirmation to " + apart)
	for p := range page.all("p") {
		if attribute(p, "class") == "chat-body" && attribute(p, "dir") != "ltr" {
			t.Errorf("the direction of BirdCar's own words is %q: %s", attribute(p, "dir"), textOf(p))
		}
	}
	if got := page.title(); !strings.HasPrefix(got, apart+" and Ben") {
		t.Errorf("the title is %q", got)
	}
	texts, err := s.store.RideTexts(t.Context(), 1, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if strings.ContainsAny(text.Body, "\u2068\u2069") {
			t.Errorf("a phone gets %q", text.Body)
		}
	}
}
