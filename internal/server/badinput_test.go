package server_test

import (
	"database/sql"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"birdcar/internal/carrier"
)

// bad is a request that must be refused: with a clear 4xx in one line, and
// nothing stored.
type bad struct {
	method, target, contentType, signature, body string
	want                                         int
}

const (
	textHook   = "/webhook"
	callHook   = "/webhook-voice?" + callFrom
	reportHook = "/webhook-status?" + report
)

// withToken adds a token to the query of a target.
func withToken(target, token string) string {
	if strings.Contains(target, "?") {
		return target + "&token=" + token
	}
	return target + "?token=" + token
}

func signedAt(t *testing.T, target, body string, at time.Time) string {
	t.Helper()
	signature, err := carrier.Sign(signingKey, publicURL+target, []byte(body), at)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

// unsigned is a signature whose algorithm is that there is none.
func unsigned(signature string) string {
	parts := strings.Split(signature, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
}

// anyHook are the rows that hold for a webhook whatever it brings.
func anyHook(t *testing.T, method, target, body string) map[string]bad {
	now := time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)
	good, other := withToken(target, token), http.MethodGet
	if method == http.MethodGet {
		other = http.MethodPost
	}
	signed := signedAt(t, target, body, now)
	rows := map[string]bad{
		"another method":                    {other, good, formType, "", body, 405},
		"PUT":                               {http.MethodPut, good, formType, "", body, 405},
		"DELETE":                            {http.MethodDelete, good, formType, "", "", 405},
		"a body of 10 MB":                   {method, good, formType, "", strings.Repeat("x", 10<<20), 413},
		"a body just over 64 KB":            {method, good, formType, "", strings.Repeat("x", 64<<10+1), 413},
		"no token":                          {method, target, formType, "", body, 401},
		"an empty token":                    {method, withToken(target, ""), formType, "", body, 401},
		"a wrong token":                     {method, withToken(target, "wrong"), formType, "", body, 401},
		"the token and more":                {method, good + "x", formType, "", body, 401},
		"a forged signature":                {method, target, formType, sign(t, "guessed", target, body), body, 401},
		"a forged signature with the token": {method, good, formType, sign(t, "guessed", good, body), body, 401},
		"an expired signature":              {method, target, formType, signedAt(t, target, body, now.Add(-time.Hour)), body, 401},
		"a signature of tomorrow":           {method, target, formType, signedAt(t, target, body, now.Add(24*time.Hour)), body, 401},
		"a signature of no algorithm":       {method, target, formType, unsigned(signed), body, 401},
		"a signature of another address":    {method, target, formType, signedAt(t, target+"/x", body, now), body, 401},
		"half a signature":                  {method, target, formType, signed[:len(signed)/2], body, 401},
		"a signature of 10 KB":              {method, target, formType, strings.Repeat(signed, 30), body, 401},
		"words as a signature":              {method, target, formType, "let me in", body, 401},
	}
	if body != "" {
		rows["a signature of another body"] = bad{method, target, formType, signed, body + "!", 401}
	}
	return rows
}

func TestBadInput(t *testing.T) {
	const json = "application/json"
	textTo, reportTo := withToken(textHook, token), withToken("/webhook-status", token)
	text := map[string]bad{
		"no body":                        {"POST", textTo, formType, "", "", 400},
		"no body of no type":             {"POST", textTo, "", "", "", 400},
		"a picture":                      {"POST", textTo, "image/png", "", "\x89PNG", 400},
		"XML":                            {"POST", textTo, "application/xml", "", "<text/>", 400},
		"a form called JSON":             {"POST", textTo, json, "", textBody, 400},
		"truncated JSON":                 {"POST", textTo, json, "", `{"originator":"447700900123","recipient":"4477009`, 400},
		"a JSON array":                   {"POST", textTo, json, "", `[]`, 400},
		"JSON null":                      {"POST", textTo, json, "", `null`, 400},
		"JSON nested a thousand deep":    {"POST", textTo, json, "", strings.Repeat("[", 20000), 400},
		"a JSON object of objects":       {"POST", textTo, json, "", `{"originator":{"a":1},"recipient":{"b":2},"payload":{}}`, 400},
		"a form broken by %":             {"POST", textTo, formType, "", "originator=%zz", 400},
		"thousands of fields":            {"POST", textTo, formType, "", textBody + strings.Repeat("&a=1", 5000), 400},
		"thousands of different fields":  {"POST", textTo, formType, "", textBody + "&" + manyFields(5000), 400},
		"thousands of JSON fields":       {"POST", textTo, json, "", "{" + jsonFields(5000) + "}", 400},
		"an originator that is a word":   {"POST", textTo, formType, "", "originator=Ada&recipient=447700900001&payload=x", 400},
		"a recipient that is a word":     {"POST", textTo, formType, "", "originator=447700900123&recipient=taxi&payload=x", 400},
		"a number in Arabic digits":      {"POST", textTo, formType, "", "originator=٤٤٧٧٠٠٩٠٠١٢٣&recipient=447700900001&payload=x", 400},
		"a number of a thousand digits":  {"POST", textTo, formType, "", "originator=" + strings.Repeat("4", 1000) + "&recipient=447700900001&payload=x", 400},
		"SQL as a number":                {"POST", textTo, formType, "", "originator=1'%3B+DROP+TABLE+messages&recipient=447700900001&payload=x", 400},
		"no originator":                  {"POST", textTo, formType, "", "recipient=447700900001&payload=x", 400},
		"no recipient":                   {"POST", textTo, formType, "", "originator=447700900123&payload=x", 400},
		"no text":                        {"POST", textTo, formType, "", "originator=447700900123&recipient=447700900001", 400},
		"an empty text":                  {"POST", textTo, formType, "", "originator=447700900123&recipient=447700900001&payload=", 400},
		"a text of nothing but NUL":      {"POST", textTo, formType, "", "originator=447700900123&recipient=447700900001&payload=%00%00", 400},
		"an id of a thousand characters": {"POST", textTo, formType, "", "id=" + strings.Repeat("1", 1000) + "&originator=447700900123&recipient=447700900001&payload=x", 400},
	}
	maps.Copy(text, anyHook(t, "POST", textHook, textBody))
	reports := map[string]bad{
		"about nothing":               {"GET", reportTo, "", "", "", 400},
		"of no status":                {"GET", reportTo + "&id=1", "", "", "", 400},
		"of a status of its own":      {"GET", reportTo + "&id=1&status=lost", "", "", "", 400},
		"an id of a thousand letters": {"GET", reportTo + "&status=sent&id=" + strings.Repeat("a", 1000), "", "", "", 400},
		"thousands of fields":         {"GET", withToken(reportHook, token) + "&" + manyFields(4000), "", "", "", 400},
	}
	maps.Copy(reports, anyHook(t, "GET", reportHook, ""))
	for hook, rows := range map[string]map[string]bad{"text": text, "call": anyHook(t, "GET", callHook, ""), "report": reports} {
		t.Run(hook, func(t *testing.T) {
			database := filepath.Join(t.TempDir(), "birdcar.db")
			s := openSite(t, database)
			s.ride()
			before := rowsOf(t, database)
			for _, name := range slices.Sorted(maps.Keys(rows)) {
				t.Run(name, func(t *testing.T) { s.refuses(t, rows[name]) })
			}
			if after := rowsOf(t, database); !maps.Equal(before, after) {
				t.Errorf("bad input was stored: %v rows, then %v", before, after)
			}
			if logs := s.logs.String(); strings.Contains(logs, token) || strings.Contains(logs, "7700900") {
				t.Error("a token or a number is in the log")
			}
		})
	}
}

// refuses sends a bad request and checks that it is refused as it should be.
func (s *site) refuses(t *testing.T, row bad) {
	headers := []string{"Content-Type", row.contentType}
	if row.signature != "" {
		headers = append(headers, carrier.SignatureHeader, row.signature)
	}
	a := s.do(row.method, row.target, row.body, headers...)
	a.t = t
	a.wantStatus(row.want)
	if strings.Count(a.body, "\n") != 1 || len(a.body) < 10 || len(a.body) > 200 {
		t.Errorf("the answer is not one short line: %q", a.body)
	}
	if strings.Contains(a.body, "7700900") {
		t.Errorf("the answer repeats a number: %q", a.body)
	}
}

// manyFields is so many fields of a form, all different.
func manyFields(n int) string {
	fields := make([]string, n)
	for i := range fields {
		fields[i] = fmt.Sprintf("f%d=1", i)
	}
	return strings.Join(fields, "&")
}

func jsonFields(n int) string {
	fields := []string{`"originator":"447700900123","recipient":"447700900001","payload":"x"`}
	for i := range n {
		fields = append(fields, fmt.Sprintf(`"f%d":1`, i))
	}
	return strings.Join(fields, ",")
}

// rowsOf counts what is stored of all that webhooks bring.
func rowsOf(t *testing.T, database string) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+database+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := map[string]int{}
	for _, table := range []string{"messages", "calls", "signatures"} {
		var n int
		if err := db.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		rows[table] = n
	}
	return rows
}

// What PostgreSQL refuses and phones cannot show is cleaned, and the rest relayed.
func TestBadInput_cleaned(t *testing.T) {
	s := newSite(t)
	ride := s.ride()
	for i, payload := range []string{"a%00b", "%ff%fe+caf%e9", "ok%00", "%F0%9F%9A%95+%C3%A9", "one%0Atwo", "%ED%A0%80half+a+surrogate"} {
		body := fmt.Sprintf("id=c%d&originator=447700900123&recipient=447700900001&payload=%s", i, payload)
		s.do(http.MethodPost, withToken(textHook, token), body, "Content-Type", formType).wantStatus(200)
	}
	s.do(http.MethodPost, withToken(textHook, token), `{"id":"j","originator":"447700900123","recipient":"447700900001","payload":"a\u0000b\ud800"}`,
		"Content-Type", "application/json").wantStatus(200)
	want := []string{"ab", "\uFFFD caf\uFFFD", "ok", "🚕 é", "one\ntwo", "\uFFFDhalf a surrogate", "ab\uFFFD"}
	if got := s.texts(ride); !slices.Equal(got, want) {
		t.Errorf("relayed %q, want %q", got, want)
	}
}

// A signature lets one request in, and none whose text could not be stored.
func TestBadInput_replay(t *testing.T) {
	for hook, target := range map[string]string{"call": callHook, "report": reportHook} {
		t.Run(hook, func(t *testing.T) {
			s := newSite(t)
			s.ride()
			signature := sign(t, signingKey, target, "")
			s.do(http.MethodGet, target, "", carrier.SignatureHeader, signature).wantStatus(200)
			a := s.do(http.MethodGet, target, "", carrier.SignatureHeader, signature).wantStatus(401)
			if a.body != "This signature was used before.\n" {
				t.Errorf("answered %q", a.body)
			}
		})
	}
	t.Run("after a failure", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "birdcar.db")
		s := openSite(t, database)
		ride := s.ride()
		db, err := sql.Open("sqlite3", "file:"+database+"?_busy_timeout=5000")
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec("CREATE TRIGGER broken BEFORE INSERT ON messages BEGIN SELECT RAISE(FAIL, 'broken'); END"); err != nil {
			t.Fatal(err)
		}
		signature := sign(t, signingKey, textHook, textBody)
		s.do(http.MethodPost, textHook, textBody, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(503)
		if _, err := db.Exec("DROP TRIGGER broken"); err != nil {
			t.Fatal(err)
		}
		s.do(http.MethodPost, textHook, textBody, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(200)
		s.do(http.MethodPost, textHook, textBody, "Content-Type", formType, carrier.SignatureHeader, signature).wantStatus(401)
		if texts := s.texts(ride); len(texts) != 1 {
			t.Errorf("relayed %q, want the text once", texts)
		}
	})
}
