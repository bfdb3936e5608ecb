package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestCreateRide(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	ada, ben := strconv.FormatInt(customer.ID, 10), strconv.FormatInt(driver.ID, 10)

	s.post("/createride", "customer", ada, "driver", ben, "start", "Dam Square", "destination", "Schiphol",
		"datetime", "2026-11-20T18:30").wantRedirect("/")

	home := s.get("/").wantStatus(http.StatusOK)
	home.wantText("Ride created. Ada and Ben reach each other through +44 7700 900001.")
	home.wantText("Ada Ben Dam Square Schiphol today 18:30 +44 7700 900001 open")
	if again := s.get("/").text(); strings.Contains(again, "Ride created.") {
		t.Error("the flash is shown twice")
	}

	rides, err := s.store.CurrentRides(context.Background(), 10)
	if err != nil || len(rides) != 1 {
		t.Fatalf("%d rides are stored (%v), want 1", len(rides), err)
	}
	if want := time.Date(2026, 11, 20, 17, 30, 0, 0, time.UTC); !rides[0].At.Equal(want) {
		t.Errorf("the ride is at %v, want %v: 18:30 in Amsterdam", rides[0].At, want)
	}
}

func TestCreateRide_poolEmpty(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	ada, ben := strconv.FormatInt(customer.ID, 10), strconv.FormatInt(driver.ID, 10)
	// A browser refuses what would be over at once; the server takes it.
	earliest := ""
	for input := range s.get("/").all("input") {
		earliest += attribute(input, "min")
	}
	if want := "2026-11-19T18:00"; earliest != want {
		t.Errorf("the form takes rides from %q on, want %q", earliest, want)
	}
	s.post("/createride", "customer", ada, "driver", ben, "datetime", "2026-11-20T18:30").wantRedirect("/")

	a := s.post("/createride", "customer", ada, "driver", ben, "start", "Dam Square", "datetime", "2026-11-21T18:30")
	a.wantStatus(http.StatusConflict)
	a.wantText("No number available! Please extend your pool.")
	a.wantText("Add numbers")
	for field, want := range map[string]string{"customer": ada, "driver": ben, "start": "Dam Square", "datetime": "2026-11-21T18:30"} {
		if got := a.value(field); got != want {
			t.Errorf("%s holds %q, want what was typed: %q", field, got, want)
		}
	}
}

func TestCreateRide_problems(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	ada, ben := strconv.FormatInt(customer.ID, 10), strconv.FormatInt(driver.ID, 10)
	long := strings.Repeat("x", 201)

	for name, test := range map[string]struct {
		customer, driver, start, datetime string
		wrong                             string
	}{
		"no customer":          {"", ben, "", "2026-11-20T18:30", "customer"},
		"an unknown customer":  {"999", ben, "", "2026-11-20T18:30", "customer"},
		"a word as customer":   {"Ada", ben, "", "2026-11-20T18:30", "customer"},
		"an unknown driver":    {ada, "999", "", "2026-11-20T18:30", "driver"},
		"no date":              {ada, ben, "", "", "datetime"},
		"an unreadable date":   {ada, ben, "", "tomorrow at 8", "datetime"},
		"a date of no month":   {ada, ben, "", "2026-13-01T10:00", "datetime"},
		"a time that is not":   {ada, ben, "", "2027-03-28T02:30", "datetime"},
		"too long a start":     {ada, ben, long, "2026-11-20T18:30", "start"},
		"everything is absent": {"", "", "", "", "customer"},
	} {
		t.Run(name, func(t *testing.T) {
			a := s.post("/createride", "customer", test.customer, "driver", test.driver, "start", test.start, "datetime", test.datetime)
			a.t = t
			a.wantStatus(http.StatusUnprocessableEntity)
			if a.problem(test.wrong) == "" {
				t.Errorf("nothing is said about %s: %s", test.wrong, a.text())
			}
			if !has(a.control(test.wrong), "autofocus") {
				t.Errorf("%s, the first wrong field, is not focused", test.wrong)
			}
			if got := a.value("datetime"); got != test.datetime {
				t.Errorf("datetime holds %q, want what was typed: %q", got, test.datetime)
			}
			if got := a.value("start"); got != test.start {
				t.Errorf("start holds %q, want what was typed: %q", got, test.start)
			}
		})
	}
	if rides, err := s.store.CurrentRides(context.Background(), 1); err != nil || len(rides) != 0 {
		t.Errorf("a refused ride was stored: %v %v", rides, err)
	}
}

// In spring an hour is left out; no other is taken for it.
func TestCreateRide_skippedHour(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	for typed, want := range map[string]string{
		"2027-03-28T02:00":    "That time does not exist: the clocks go forward.",
		"2027-03-28 02:59:59": "That time does not exist: the clocks go forward.",
		"2027-03-28T24:30":    "Choose a date and time, like 2026-11-30 18:05.",
	} {
		a := s.post("/createride", "customer", strconv.FormatInt(customer.ID, 10), "driver", strconv.FormatInt(driver.ID, 10), "datetime", typed)
		if got := a.wantStatus(http.StatusUnprocessableEntity).problem("datetime"); got != want {
			t.Errorf("%s: the field says %q, want %q", typed, got, want)
		}
	}
}

func TestCreateRide_datetime(t *testing.T) {
	for typed, want := range map[string]string{
		"2026-11-20T18:30":          "2026-11-20T17:30:00Z",
		"2026-11-20T18:30:15":       "2026-11-20T17:30:15Z",
		"2026-07-01 18:30":          "2026-07-01T16:30:00Z",
		"2026-11-20T18:30:00Z":      "2026-11-20T18:30:00Z",
		"2026-11-20T18:30Z":         "2026-11-20T18:30:00Z",
		"2026-11-20T18:30+09:00":    "2026-11-20T09:30:00Z",
		"2027-03-28T03:00":          "2027-03-28T01:00:00Z", // the first after the clocks went forward
		"2027-03-28T02:30:00+01:00": "2027-03-28T01:30:00Z", // which time it is, is said
	} {
		t.Run(typed, func(t *testing.T) {
			s := newSite(t)
			s.login()
			customer, driver, _ := s.seed()
			s.post("/createride", "customer", strconv.FormatInt(customer.ID, 10), "driver", strconv.FormatInt(driver.ID, 10), "datetime", typed)
			got := ""
			rides, err := s.store.CurrentRides(context.Background(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(rides) == 1 {
				got = rides[0].At.UTC().Format(time.RFC3339)
			}
			if got != want {
				t.Errorf("%q is read as %q, want %q", typed, got, want)
			}
		})
	}
}

func TestHome_firstSteps(t *testing.T) {
	s := newSite(t)
	s.login()
	if got := s.get("/").title(); got != "Current rides · BirdCar" {
		t.Errorf("the title is %q", got)
	}
	home := s.get("/").wantStatus(http.StatusOK)
	for _, want := range []string{"No current rides", "Add a customer", "Add a driver", "Add a proxy number"} {
		home.wantText(want)
	}
	s.seed()
	home = s.get("/")
	home.wantText("Ada (+44 7700 900123)")
	home.wantText("Ben (+44 7700 900456)")
}

func TestHome_manyRides(t *testing.T) {
	s := newSite(t)
	s.login()
	customer, driver, _ := s.seed()
	for i := range 100 {
		if _, err := s.exchange.AddNumber(context.Background(), fmt.Sprintf("+4420794600%02d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for range 101 {
		s.post("/createride", "customer", strconv.FormatInt(customer.ID, 10), "driver", strconv.FormatInt(driver.ID, 10), "datetime", "2026-11-20T18:30").wantRedirect("/")
	}
	home := s.get("/")
	home.wantText("These are the 100 newest.")
	home.wantText("All 101 numbers")
}
