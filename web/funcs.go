package web

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Funcs is what templates may call. Times are shown in zone, and as people say
// them seen from now: "today 18:05". A zero time is shown as nothing.
//
//	grouped  a phone number, whole and grouped for reading
//	clock    "18:05"
//	when     "today 18:05", "tomorrow 09:00", "Sat 28 Nov 18:05"
//	ago      "for 5 minutes"
//	exact    "Saturday 28 November 2026, 18:05 CET"
//	stamp    RFC 3339, for datetime attributes
//	count    "1 ride", "3 rides"
//	zone     its name, as browsers take it
//	asset    the address of a file in static/
//	isolated a name, inside a sentence that takes no element around it
func Funcs(zone *time.Location, now func() time.Time) template.FuncMap {
	in := func(layout string) func(time.Time) string {
		return func(t time.Time) string {
			if t.IsZero() {
				return ""
			}
			return t.In(zone).Format(layout)
		}
	}
	return template.FuncMap{
		"grouped": func(n interface{ Grouped() string }) string { return n.Grouped() },
		"clock":   in("15:04"),
		"when":    func(t time.Time) string { return When(t.In(zone), now().In(zone)) },
		"ago":     func(t time.Time) string { return lasting(now().Sub(t)) },
		"exact":   in("Monday 2 January 2006, 15:04 MST"),
		"stamp":   in(time.RFC3339),
		"count":   count,
		"zone":    func() string { return browserZone(zone) },
		"asset":   Asset,

		"isolated": Isolated,
	}
}

// Isolated is a name as it stands in a sentence of ours, where a page has no <bdi> around it: what is
// written from right to left would turn what follows it around, also the groups of a phone number.
// Other names stay as they are.
func Isolated(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool {
		return unicode.In(r, unicode.Arabic, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam, unicode.Bidi_Control)
	}) {
		return name
	}
	return "\u2068" + name + "\u2069"
}

// browserZone is empty where the name means something to this machine alone.
func browserZone(zone *time.Location) string {
	if zone == time.Local {
		return ""
	}
	return zone.String()
}

// When is t as people say it, seen from now: "today 18:05". Both are in the zone of the reader.
func When(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	switch days := day(t).Sub(day(now)) / (24 * time.Hour); {
	case days == 0:
		return t.Format("today 15:04")
	case days == 1:
		return t.Format("tomorrow 15:04")
	case days == -1:
		return t.Format("yesterday 15:04")
	case t.Year() == now.Year():
		return t.Format("Mon 2 Jan 15:04")
	}
	return t.Format("Mon 2 Jan 2006 15:04")
}

// lasting is how long something has lasted, in the largest unit that fits.
func lasting(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "for less than a minute"
	case d < time.Hour:
		return "for " + count(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return "for " + count(int(d/time.Hour), "hour", "hours")
	}
	return "for " + count(int(d/(24*time.Hour)), "day", "days")
}

// day is t's date at midnight UTC, where every day has 24 hours.
func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// Asset is the address of a file in static/. It changes with the file's content,
// so that browsers may keep the answer for good. A name that is not there is an
// error, which fails the page.
func Asset(name string) (string, error) {
	version, ok := versions[name]
	if !ok {
		return "", fmt.Errorf("static/%s does not exist", name)
	}
	return "/static/" + name + "?v=" + version, nil
}

// Version tells two contents of one file in static/ apart; empty when there is no such file.
func Version(name string) string { return versions[name] }

var versions = func() map[string]string {
	entries, err := FS.ReadDir("static")
	if err != nil {
		panic(err) // the embedded files are part of the program
	}
	versions := make(map[string]string, len(entries))
	for _, entry := range entries {
		content, err := FS.ReadFile("static/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		versions[entry.Name()] = hex.EncodeToString(sum[:8])
	}
	return versions
}()
