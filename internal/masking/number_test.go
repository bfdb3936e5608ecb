package masking

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestParseNumber(t *testing.T) {
	tests := []struct{ typed, country, want string }{
		{"+44 7700 900101", "NL", "+447700900101"},
		{"0044 7700 900101", "NL", "+447700900101"},
		{"+447700900101", "", "+447700900101"},
		{"07700 900101", "GB", "+447700900101"},
		{"(07700) 900-101", "GB", "+447700900101"},
		{"07700.900.101", "GB", "+447700900101"},
		{"07700/900101", "GB", "+447700900101"},
		{" 07700\u00a0900\u2011101 ", "GB", "+447700900101"},
		{"\u202a+44\u00a07700\u2011900\u2013101\u202c", "NL", "+447700900101"},
		{"\u2066\ufeff+44\u200e 7700\u2010900\u2015101\u2069\u200f", "NL", "+447700900101"},
		{"\u202a0044 7700 900\u2014101\u202c", "NL", "+447700900101"},
		{"+44 (0)7700 900101", "NL", "+447700900101"},
		{"(+44) 7700 900101", "NL", "+447700900101"},
		{"447700900101", "GB", "+447700900101"},
		{"06 12345678", "NL", "+31612345678"},
		{"0612345678", "NL", "+31612345678"},
		{"+31 (0)6 12345678", "GB", "+31612345678"},
		{"020 7946 0123", "GB", "+442079460123"},
		{"(212) 555-0123", "US", "+12125550123"},
		{"1 212 555 0123", "US", "+12125550123"},
		{"0491 570 006", "AU", "+61491570006"},
		// Only its digits as an international number are valid: the tutorials' form.
		{"14156667777", "NL", "+14156667777"},
		{"31612345678", "NL", "+31612345678"},

		{"", "NL", ""}, {"   ", "NL", ""}, {"+", "NL", ""}, {"00", "NL", ""}, {"12", "NL", ""},
		{"0800 FLOWERS", "US", ""}, {"Restricted", "NL", ""}, {"sip:ada@example.com", "NL", ""},
		{"06 12345678 ext 5", "NL", ""}, {"06+12345678", "NL", ""}, {"++31612345678", "NL", ""},
		{"+31612345678; DROP TABLE routes", "NL", ""}, {"+999 123", "NL", ""}, {"٠٦١٢٣٤٥٦٧٨", "NL", ""},
		{"+3161234567890123", "NL", ""}, {"\u202a\u202c", "NL", ""}, {strings.Repeat("0", 1000), "NL", ""},
	}
	for _, test := range tests {
		t.Run(test.typed+" in "+test.country, func(t *testing.T) {
			got, err := ParseNumber(test.typed, test.country)
			if got.E164() != test.want || (err == nil) != (test.want != "") || err != nil && !errors.Is(err, ErrNumber) {
				t.Errorf("got %q, %v; want %q", got.E164(), err, test.want)
			}
		})
	}
}

func TestParseCarrier(t *testing.T) {
	tests := []struct{ written, country, want string }{
		{"447700900101", "NL", "+447700900101"},
		{"+447700900101", "NL", "+447700900101"},
		{"00447700900101", "NL", "+447700900101"},
		{"44 7700 900101", "NL", "+447700900101"},
		{"12125550123", "GB", "+12125550123"},
		// International whatever the country, as Dutch as it may look.
		{"14156667777", "NL", "+14156667777"},
		{"31612345678", "US", "+31612345678"},
		// No country code begins with 0.
		{"07700900101", "GB", "+447700900101"},
		{"(07700) 900 101", "GB", "+447700900101"},

		{"", "NL", ""}, {"Restricted", "NL", ""}, {"anonymous", "NL", ""}, {"unknown", "NL", ""},
		{"sip:447700900101@example.com", "NL", ""}, {"BirdCar", "NL", ""}, {"0", "NL", ""}, {"1008", "NL", ""},
		{"1234567890123456", "NL", ""}, {"-447700900101+", "NL", ""},
	}
	for _, test := range tests {
		t.Run(test.written+" in "+test.country, func(t *testing.T) {
			got, err := ParseCarrier(test.written, test.country)
			if got.E164() != test.want || (err == nil) != (test.want != "") || err != nil && !errors.Is(err, ErrNumber) {
				t.Errorf("got %q, %v; want %q", got.E164(), err, test.want)
			}
		})
	}
}

func TestNumber_Forms(t *testing.T) {
	n, err := ParseCarrier("447700900101", "GB")
	if err != nil {
		t.Fatal(err)
	}
	if n.E164() != "+447700900101" || n.Digits() != "447700900101" || n.Grouped() != "+44 7700 900101" || n.IsZero() {
		t.Errorf("got %q, %q, %q", n.E164(), n.Digits(), n.Grouped())
	}
	if zero := (Number{}); !zero.IsZero() || zero.Digits() != "" || zero.String() != "" {
		t.Errorf("the zero number is %q", zero.E164())
	}
	value, err := n.Value()
	var back Number
	if err != nil || back.Scan(value) != nil || back != n {
		t.Errorf("stored %v, %v; read back %q", value, err, back.E164())
	}
	if value, err = (Number{}).Value(); value != nil || err != nil || back.Scan(value) != nil || !back.IsZero() {
		t.Errorf("no number is stored as %v, %v", value, err)
	}
}

// However a number is printed, it is not to be read.
func TestNumber_PrintsMasked(t *testing.T) {
	n, err := ParseCarrier("447700900101", "GB")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("call", "from", n, "party", Party{Number: n})
	encoded, err := json.Marshal(Party{Name: "Ada", Number: n})
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{"log": log.String(), "json": string(encoded), "error": fmt.Errorf("call from %v", n).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed[verb] = fmt.Sprintf(verb, n)
		printed[verb+" of a party"] = fmt.Sprintf(verb, Party{Number: n})
	}
	for how, text := range printed {
		if strings.Contains(text, "7700900101") || strings.Contains(text, "900101") || strings.Contains(text, fmt.Sprintf("%x", "7700900101")) {
			t.Errorf("%s shows the number: %s", how, text)
		}
	}
	for digits, want := range map[string]string{
		"447700900101": "+447•••••••01", "1234567890": "+123•••••90", "12345678": "+1•••••78", "1234567": "+•••••67", "123456": "•••••••",
	} {
		if got := (Number{e164: "+" + digits}).String(); got != want {
			t.Errorf("%s masked: got %q, want %q", digits, got, want)
		}
	}
}

func TestNumber_Country(t *testing.T) {
	for digits, want := range map[string]string{
		"447700900101": "GB", "31612345678": "NL", "12125550123": "US", "14165550123": "CA", "61491570006": "AU",
		"882161234567": "ZZ",
	} {
		n, err := ParseCarrier(digits, "NL")
		if err != nil || n.Country() != want {
			t.Errorf("%s: got %s, %v; want %s", digits, n.Country(), err, want)
		}
	}
	if got := Reads("NL"); got != "NL (+31)" {
		t.Errorf("numbers are read as %s", got)
	}
	if got := (Number{}).Country(); got != "ZZ" {
		t.Errorf("no number: got %s, want ZZ", got)
	}
	for country, want := range map[string]bool{"NL": true, "GB": true, "XX": false, "": false, "nl": false} {
		if got := KnownCountry(country); got != want {
			t.Errorf("KnownCountry(%q) = %v", country, got)
		}
	}
}
