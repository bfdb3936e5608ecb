package web

import (
	"strings"
	"testing"
	"time"
)

func TestFuncs_when(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return time.Date(2026, 10, 24, 22, 30, 0, 0, time.UTC) } // 00:30 on the 25th, when summer time ends
	when := Funcs(zone, now)["when"].(func(time.Time) string)
	for at, want := range map[string]string{
		"2026-10-24T22:30:00Z": "today 00:30",
		"2026-10-25T22:59:00Z": "today 23:59",
		"2026-10-24T21:59:00Z": "yesterday 23:59",
		"2026-10-25T23:00:00Z": "tomorrow 00:00",
		"2026-10-26T23:00:00Z": "Tue 27 Oct 00:00",
		"2026-01-02T12:00:00Z": "Fri 2 Jan 13:00",
		"2027-01-02T12:00:00Z": "Sat 2 Jan 2027 13:00",
	} {
		moment, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if got := when(moment); got != want {
			t.Errorf("%s is shown as %q, want %q", at, got, want)
		}
	}
	if got := when(time.Time{}); got != "" {
		t.Errorf("no time is shown as %q", got)
	}
}

func TestAsset(t *testing.T) {
	address, err := Asset("app.css")
	if err != nil || !strings.HasPrefix(address, "/static/app.css?v=") || !strings.HasSuffix(address, Version("app.css")) {
		t.Errorf("app.css is at %q (%v)", address, err)
	}
	if address, err := Asset("missing.css"); err == nil {
		t.Errorf("a missing file is at %q", address)
	}
}

func TestIsolated(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace": "Ada Lovelace", "Zoë O’Neill": "Zoë O’Neill", "Алла": "Алла", "林": "林", "": "",
		"אדה": "\u2068אדה\u2069", "عادل (2)": "\u2068عادل (2)\u2069", "Ada \u202E": "\u2068Ada \u202E\u2069",
	} {
		if got := Isolated(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
