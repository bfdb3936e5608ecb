package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

// With more customers than a drop-down should hold, the form searches among them.
func TestPicker(t *testing.T) {
	s := newSite(t)
	s.login()
	_, driver, _ := s.seed()
	var zoe masking.Party
	for i := range 200 {
		name := fmt.Sprintf("Person %c%c", 'A'+i/26, 'a'+i%26)
		if i == 199 {
			name = "Zoe Last"
		}
		var err error
		if zoe, err = s.exchange.AddParty(context.Background(), masking.Customer, name, fmt.Sprintf("07700 901%03d", i)); err != nil {
			t.Fatal(err)
		}
	}
	page := s.get("/")
	if options := strings.Count(page.body, "<option"); options > 60 {
		t.Errorf("the page holds %d options", options)
	}
	if page.control("driver").Data != "select" || strings.Contains(page.body, "driver_q") {
		t.Error("one driver needs no search")
	}
	if strings.Contains(page.body, "Zoe") {
		t.Fatal("this test needs somebody whom the page does not list at once")
	}

	for button := range page.all("button") {
		if has(button, "formaction") {
			t.Error("Enter in the form means the search, not the ride")
		}
		if textOf(button) == "Create ride" {
			break
		}
	}

	// Without JavaScript: the button loads the page anew and keeps what was typed.
	page = s.get(fmt.Sprintf("/?customer_q=zoe&customer=&driver=%d&start=Dam+1&destination=&datetime=2026-11-20T19%%3A00", driver.ID))
	page.wantText("Zoe Last (+44 7700 901199)")
	page.wantText("Choose one of 1 found")
	if page.value("start") != "Dam 1" || page.value("driver") != fmt.Sprint(driver.ID) || page.value("customer_q") != "zoe" {
		t.Error("what was typed is lost")
	}
	page = s.get(fmt.Sprintf("/?customer=%d", zoe.ID))
	if page.value("customer") != fmt.Sprint(zoe.ID) {
		t.Error("whoever the address chooses is not chosen")
	}
	s.get("/?customer_q=nobody").wantText("Nobody found")

	// What picker.js fetches.
	for query, want := range map[string]string{"q=zoe": "Zoe Last (+44 7700 901199)", "q=07700+901199": "Zoe Last", "q=nobody": "Nobody found", "q=person": "Choose, or type more",
		fmt.Sprintf("q=person&chosen=%d", zoe.ID): "Zoe Last", fmt.Sprintf("q=nobody&chosen=%d", zoe.ID): "Nobody found Zoe Last",
		fmt.Sprintf("q=person+aa&chosen=%d", zoe.ID): "Choose one of 1 found Zoe Last (+44 7700 901199) Person Aa"} {
		a := s.get("/customers/options?" + query).wantStatus(200)
		a.wantText(want)
		if strings.Contains(a.body, "<html") {
			t.Error("the options come with a whole page around them")
		}
	}
	s.post("/createride", "customer", fmt.Sprint(zoe.ID), "customer_q", "zoe", "driver", fmt.Sprint(driver.ID), "datetime", "").wantStatus(422).wantText("Zoe Last")
	s.post("/createride", "customer", fmt.Sprint(zoe.ID), "driver", fmt.Sprint(driver.ID), "datetime", "2026-11-20T19:00").wantRedirect("/")

	// With many drivers too there are two searches, and still one script.
	for i := range 200 {
		if _, err := s.exchange.AddParty(context.Background(), masking.Driver, fmt.Sprintf("Driver %c%c", 'A'+i/26, 'a'+i%26), fmt.Sprintf("07700 902%03d", i)); err != nil {
			t.Fatal(err)
		}
	}
	page = s.get("/")
	page.control("driver_q")
	if scripts := strings.Count(page.body, "picker.js"); scripts != 1 {
		t.Errorf("picker.js is loaded %d times", scripts)
	}
}
