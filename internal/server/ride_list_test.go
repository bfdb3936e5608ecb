package server_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// starts are where the rides of a list start, in its order.
func (a answer) starts() (starts []string) {
	a.t.Helper()
	for td := range a.all("td") {
		if attribute(td, "data-label") == "Start" {
			starts = append(starts, textOf(td))
		}
	}
	return starts
}

func TestRides(t *testing.T) {
	s := newSite(t)
	s.login()
	s.get("/rides").wantStatus(200).wantText("No rides yet")
	ada, ben, _ := s.seed()
	s.get("/rides?q=ada").wantText("No rides yet")
	bea, err := s.exchange.AddParty(context.Background(), masking.Customer, "Bea", "+447700900124")
	if err != nil {
		t.Fatal(err)
	}
	s.schedule(ada, ben)
	if _, err := s.exchange.AddNumber(context.Background(), "+447700900002"); err != nil {
		t.Fatal(err)
	}
	s.post("/createride", "customer", fmt.Sprint(bea.ID), "driver", fmt.Sprint(ben.ID), "start", "Museum", "datetime", "2026-11-21T00:30").wantRedirect("/")
	for query, want := range map[string][]string{
		"":                            {"Museum", "Dam 1"},
		"?q=bea":                      {"Museum"},
		"?q=+44+7700+900123":          {"Dam 1"}, // a plus in an address is a space
		"?q=07700%20900001":           {"Dam 1"},
		"?q=ben":                      {"Museum", "Dam 1"},
		"?q=mus":                      {"Museum"},
		"?q=nobody":                   nil,
		"?state=open":                 {"Museum", "Dam 1"},
		"?state=closed":               nil,
		"?state=nonsense":             {"Museum", "Dam 1"},
		"?day=2026-11-20":             {"Dam 1"},
		"?day=today":                  {"Dam 1"},
		"?day=2026-11-21":             {"Museum"},
		"?day=nonsense":               {"Museum", "Dam 1"},
		"?older=nonsense":             {"Museum", "Dam 1"},
		"?newer=end":                  {"Museum", "Dam 1"},
		"?q=ben&day=today&state=open": {"Dam 1"},
		"?q=%00&older=9.9.9&day=%00":  {"Museum", "Dam 1"},
		"?q=%FF":                      nil,
		"?q=%21%21":                   nil,
	} {
		page := s.get("/rides" + query).wantStatus(200)
		if got := page.starts(); !slices.Equal(got, want) {
			t.Errorf("%q shows %q, want %q", query, got, want)
		}
		if strings.Contains(page.body, "900123") && !strings.Contains(query, "900123") {
			t.Errorf("%q shows a personal number", query)
		}
		if len(want) == 0 {
			page.wantText("No ride found")
		}
	}
	for query, want := range map[string]string{
		"?q=nobody&state=open":         "No ride found A search finds the beginning of any word",
		"?state=closed":                "No ride found No ride is closed. Choose another state or day.",
		"?state=closed&day=2026-11-20": "No ride found No ride of that day is closed.",
		"?day=2026-11-30":              "No ride found No ride is on that day.",
		"?older=1":                     "No ride found The list ends before this part of it.",
	} {
		s.get("/rides" + query).wantText(want)
	}
	if page := s.get("/rides?q=%3Cb%3E%22&day=2026-11-20&state=open"); page.value("q") != `<b>"` || page.value("day") != "2026-11-20" || page.value("state") != "open" {
		t.Error("the form does not keep what was asked for")
	}
}

// Whichever way somebody leafs through the list, they see every ride once.
func TestRides_pages(t *testing.T) {
	s := newSite(t)
	s.login()
	s.fill(120)
	walk := func(first, towards string) (starts []string) {
		t.Helper()
		for target, pages := first, 0; target != ""; pages++ {
			if pages == 4 {
				t.Fatal("the list has no end")
			}
			page := s.get(target).wantStatus(200)
			if towards == "Older" {
				starts = append(starts, page.starts()...)
			} else {
				starts = append(page.starts(), starts...)
			}
			target = page.href(towards)
		}
		return starts
	}
	var want []string
	for i := 120; i > 0; i-- {
		want = append(want, fmt.Sprintf("Dam %d", i))
	}
	for _, filter := range []string{"", "?q=schiphol", "?state=closed", "?day=2026-11-19", "?day=2026-11-19&state=closed"} {
		first := s.get("/rides" + filter)
		if first.href("Newest") != "" || first.href("Newer") != "" {
			t.Errorf("%q: the first page leads to newer rides", filter)
		}
		if got := walk("/rides"+filter, "Older"); !slices.Equal(got, want) {
			t.Errorf("%q: from the newest on: %d rides %q", filter, len(got), got)
		}
		last := s.get(first.href("Oldest"))
		if last.href("Oldest") != "" || last.href("Older") != "" {
			t.Errorf("%q: the last page leads to older rides", filter)
		}
		if got := walk(first.href("Oldest"), "Newer"); !slices.Equal(got, want) {
			t.Errorf("%q: from the oldest on: %d rides %q", filter, len(got), got)
		}
		second := s.get(first.href("Older"))
		if got := s.get(second.href("Newer")).starts(); !slices.Equal(got, want[:50]) {
			t.Errorf("%q: back from the second page: %q", filter, got)
		}
	}
}

// fill stores closed rides of yesterday between two people.
func (s *site) fill(rides int) {
	s.t.Helper()
	number := func(digits string) masking.Number {
		n, err := masking.ParseCarrier(digits, "GB")
		if err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	f := store.Filling{
		Customers: []masking.Party{{ID: 1, Role: masking.Customer, Name: "=Ada", Number: number("447700900101")}},
		Drivers:   []masking.Party{{ID: 1, Role: masking.Driver, Name: "Ben, the driver", Number: number("447700900201")}},
		Numbers:   []masking.ProxyNumber{{ID: 1, Number: number("442079460001"), Country: "GB", State: masking.Available}},
	}
	yesterday := testNow.AddDate(0, 0, -1)
	for i := 1; i <= rides; i++ {
		f.Rides = append(f.Rides, masking.Ride{ID: int64(i), Customer: f.Customers[0], Driver: f.Drivers[0], Proxy: f.Numbers[0],
			Start: fmt.Sprintf("Dam %d", i), Destination: "Schiphol", At: yesterday, State: masking.Closed,
			Created: yesterday, Ended: yesterday, ClosedAt: yesterday})
	}
	if err := s.store.Tx(context.Background(), func(ctx context.Context, tx *store.Tx) error { return tx.Fill(ctx, f) }); err != nil {
		s.t.Fatal(err)
	}
}

func TestRides_export(t *testing.T) {
	s := newSite(t)
	s.get("/rides.csv").wantRedirect("/login?next=%2Frides.csv")
	s.login()
	s.fill(1201) // more than are read at once
	a := s.get("/rides.csv?q=schiphol").wantStatus(http.StatusOK)
	if got := a.header.Get("Content-Disposition"); got != `attachment; filename="rides-2026-11-20-1800.csv"` {
		t.Errorf("the file is %q", got)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.body, "\uFEFF"))).ReadAll()
	if err != nil || len(rows) != 1202 {
		t.Fatalf("%d rows (%v), want 1202", len(rows), err)
	}
	want := []string{"1201", "'=Ada", "+447700900101", "Ben, the driver", "+447700900201", "Dam 1201", "Schiphol",
		"2026-11-19 18:00:00", "+442079460001", "closed", "", "2026-11-19 18:00:00", "2026-11-19 18:00:00", "2026-11-19 18:00:00"}
	if !slices.Equal(rows[1], want) {
		t.Errorf("got %q\nwant %q", rows[1], want)
	}
	if rows[1201][0] != "1" {
		t.Errorf("the last row is ride %s, want 1", rows[1201][0])
	}
	if rows, err := csv.NewReader(strings.NewReader(s.get("/rides.csv?state=open").body)).ReadAll(); err != nil || len(rows) != 1 {
		t.Errorf("the filter leaves %d rows (%v), want the heading alone", len(rows), err)
	}
}
