package carrier

import (
	"testing"

	"birdcar/internal/masking"
)

const capturedCall = "callID=2894efe1-3ae7-4b3c-9f25-dc2ec26d1b1a&destination=447700900900" +
	"&numberID=272cca7c-e7ac-4b72-b1b5-1b0b8b2b9a4b&source=447700900123&variables=%7B%7D"

func TestParseCall(t *testing.T) {
	ada, proxy := phoneNumber(t, "447700900123"), phoneNumber(t, "447700900900")
	cases := []struct {
		name, query string
		want        masking.Call
	}{
		{"captured", capturedCall, masking.Call{From: ada, To: proxy}},
		{"hidden caller", "destination=447700900900&source=Restricted", masking.Call{To: proxy}},
		{"empty caller", "destination=447700900900&source=", masking.Call{To: proxy}},
		{"no caller", "destination=447700900900", masking.Call{To: proxy}},
		{"a SIP address calls", "destination=447700900900&source=sip:447700900123@example.com", masking.Call{To: proxy}},
		{"with + and 00", "destination=%2B447700900900&source=00447700900123", masking.Call{From: ada, To: proxy}},
		{"national", "destination=07700900900&source=07700900123", masking.Call{From: ada, To: proxy}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseCall(parseQuery(t, c.query), "GB")
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	for query, want := range map[string]string{
		"source=447700900123": "destination is missing",
		"destination=taxi":    "destination is not a phone number",
	} {
		if got, err := ParseCall(parseQuery(t, query), "GB"); err == nil || err.Error() != want || got != (masking.Call{}) {
			t.Errorf("%.40s: got %+v, %v, want %s", query, got, err, want)
		}
	}
}
