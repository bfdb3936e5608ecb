package carrier

import (
	"net/url"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

const capturedReport = "id=e8077d803532c0b5937c639b60216938&reference=r-1&recipient=447700900123&status=delivered" +
	"&statusDatetime=2016-05-03T08%3A58%3A10%2B00%3A00&statusReason=successfully+delivered&statusErrorCode=0&datacoding=plain" +
	"&mccmnc=23410&messageLength=12&messagePartCount=1&ported=0&price%5Bamount%5D=0.075&price%5Bcurrency%5D=EUR"

func parseQuery(t *testing.T, query string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestParseReport(t *testing.T) {
	failed := func(code int, reason string) masking.Report {
		return masking.Report{CarrierID: "1", Reference: "r", State: masking.Failed, Code: code, Reason: reason}
	}
	cases := []struct {
		name, query string
		want        masking.Report
	}{
		{"captured", capturedReport, masking.Report{
			CarrierID: "e8077d803532c0b5937c639b60216938", Reference: "r-1", State: masking.Delivered}},
		{"scheduled", "id=1&reference=r&status=scheduled", masking.Report{CarrierID: "1", Reference: "r", State: masking.Sent}},
		{"sent", "id=1&reference=r&status=sent", masking.Report{CarrierID: "1", Reference: "r", State: masking.Sent}},
		{"buffered", "id=1&reference=r&status=buffered&statusReason=unavailable+subscriber",
			masking.Report{CarrierID: "1", Reference: "r", State: masking.Sent}},
		{"only an id", "id=1&status=delivered", masking.Report{CarrierID: "1", State: masking.Delivered}},
		{"only a reference", "reference=r&status=delivered", masking.Report{Reference: "r", State: masking.Delivered}},
		{"expired", "id=1&reference=r&status=expired", failed(0, "The phone was off or out of reach until the message expired.")},
		{"opted out, by code", "id=1&reference=r&status=delivery_failed&statusErrorCode=103&statusReason=generic+delivery+failure",
			failed(103, "The recipient opted out (STOP).")},
		{"opted out, by reason", "id=1&reference=r&status=delivery_failed&statusReason=opted+out+subscriber",
			failed(0, "The recipient opted out (STOP).")},
		{"unknown subscriber, by code", "id=1&reference=r&status=delivery_failed&statusErrorCode=9", failed(9, "No phone has this number.")},
		{"unknown subscriber, by reason", "id=1&reference=r&status=delivery_failed&statusErrorCode=1&statusReason=Unknown+subscriber",
			failed(1, "No phone has this number.")},
		{"network error", "id=1&reference=r&status=delivery_failed&statusReason=received+network+error", failed(0, "The phone network had an error.")},
		{"no reason at all", "id=1&reference=r&status=delivery_failed&statusErrorCode=", failed(0, "The phone network could not deliver the message.")},
		{"a reason nobody knows", "id=1&reference=r&status=delivery_failed&statusErrorCode=77&statusReason=blocked%00+447700900123%0A.",
			failed(77, "The phone network could not deliver the message: blocked •••.")},
		{"a code that is no number", "id=1&reference=r&status=expired&statusErrorCode=x", failed(0, "The phone was off or out of reach until the message expired.")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseReport(parseQuery(t, c.query))
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestParseReport_Refuses(t *testing.T) {
	for query, want := range map[string]string{
		"":                      "id is missing",
		"status=delivered":      "id is missing",
		"id=1":                  "status is missing",
		"id=1&status=DELIVERED": "status is not one that MessageBird documents",
		"status=sent&id=" + strings.Repeat("1", 129):        "id is too long",
		"status=sent&reference=" + strings.Repeat("1", 129): "reference is too long",
	} {
		if _, err := ParseReport(parseQuery(t, query)); err == nil || err.Error() != want {
			t.Errorf("%.40s: got error %v, want %s", query, err, want)
		}
	}
}
