package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"birdcar/internal/masking"
)

func address(to *string, s string) string {
	s = strings.TrimSpace(s)
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return wrong(s, "is not an address with a port", "127.0.0.1:8080 or :8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return wrong(s, "has no port between 0 and 65535", "127.0.0.1:8080 or :8080")
	}
	*to = s
	return ""
}

// postgresWord is what begins a PostgreSQL address that is no URL: without its //, or as
// the key=value pairs of its own tools. As a path it would make a file of that name.
var postgresWord = regexp.MustCompile(`(?i)^(postgres(ql)?:|(host|hostaddr|port|dbname|user|password|passfile|service|sslmode) *=)`)

// database never shows the value: a PostgreSQL URL may hold a password.
func database(to *string, s string) string {
	const example = "; try birdcar.db or postgres://user@localhost/birdcar"
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		// Not taken apart here: a URL with several hosts, which PostgreSQL's
		// drivers take, is none to net/url.
		*to = s
		return ""
	}
	path := s
	for _, prefix := range []string{"sqlite://", "sqlite:", "file://", "file:"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			path = rest
			break
		}
	}
	switch {
	case postgresWord.MatchString(s):
		return "is for PostgreSQL but not written as a postgres:// URL" + example
	case strings.Contains(path, "://"):
		return "is neither a file nor a postgres:// URL" + example
	case strings.Contains(path, ":memory:"):
		return "keeps nothing in :memory:, so name a file" + example
	case strings.ContainsAny(path, "?#"):
		return "is more than the path of a file: BirdCar sets SQLite's options itself" + example
	case path == "":
		return "names no file" + example
	}
	*to = path
	return ""
}

func webURL(to *string, s, example string) string {
	s = strings.TrimRight(strings.TrimSpace(s), "/")
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return wrong(s, "is not an http:// or https:// URL", example)
	case u.User != nil:
		return wrong(s, "must not hold a user or a password", example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return wrong(s, "must end with its host or path, without ? or #", example)
	}
	*to = s
	return ""
}

// key takes a secret as it was pasted; the value is never shown.
func key(to *string, s string) string {
	s = strings.TrimSpace(s)
	for _, r := range s {
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return "holds a space or a line break; copy it again, in one piece like q8Zr2VxT"
		}
	}
	*to = s
	return ""
}

func country(to *string, s string) string {
	code := strings.ToUpper(strings.TrimSpace(s))
	if len(code) != 2 || !masking.KnownCountry(code) {
		return wrong(s, "is not a country's two-letter code", "NL or GB")
	}
	*to = code
	return ""
}

func zone(to **time.Location, s string) string {
	location, err := time.LoadLocation(strings.TrimSpace(s))
	if err != nil {
		return wrong(s, "is not a time zone", "Europe/Amsterdam or UTC")
	}
	*to = location
	return ""
}

func duration(to *time.Duration, s string, least time.Duration, example string) string {
	d, err := time.ParseDuration(strings.TrimSpace(s))
	switch {
	case err != nil:
		return wrong(s, "is not a duration", example)
	case d < least && least == 0:
		return wrong(s, "is below zero", example)
	case d < least:
		return wrong(s, "is not above zero", example)
	}
	*to = d
	return ""
}

// leastKept is longer than the carrier repeats a webhook: a text must not come again once it
// was forgotten.
const leastKept = 24 * time.Hour

func keep(to *time.Duration, s string) string {
	const example = "720h, which is 30 days, or leave it empty to keep all"
	if s == "" {
		return ""
	}
	if problem := duration(to, s, 1, example); problem != "" {
		return problem
	}
	if *to < leastKept {
		return wrong(s, "is less than 24h", example)
	}
	return ""
}

func count(to *int, s string, most int, example string) string {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < 1 || n > most {
		return wrong(s, fmt.Sprintf("is not a whole number from 1 to %d", most), example)
	}
	*to = n
	return ""
}

// wrong says what is the matter with value and what to try. A value with an @ is
// not shown: it may be a URL with a password.
func wrong(value, problem, example string) string {
	if strings.Contains(value, "@") {
		return fmt.Sprintf("the value %s; try %s", problem, example)
	}
	const most = 60
	if r := []rune(value); len(r) > most {
		value = string(r[:most]) + "…"
	}
	return fmt.Sprintf("%q %s; try %s", value, problem, example)
}
