package carrier

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"birdcar/internal/masking"
)

// whatever is sent, what comes out can be stored and one line says what is wrong.
func clean(t *testing.T, err error, values ...string) {
	t.Helper()
	if err != nil {
		if line := err.Error(); strings.ContainsAny(line, "\r\n") || len(line) > 120 {
			t.Errorf("the error is not a short line: %q", line)
		}
		values = append(values, err.Error())
	}
	for _, value := range values {
		if !utf8.ValidString(value) || strings.Contains(value, "\x00") {
			t.Errorf("%q cannot be stored", value)
		}
	}
}

func FuzzParseText(f *testing.F) {
	f.Add(formType, []byte(capturedForm))
	f.Add(formType, []byte(capturedShortCode))
	f.Add(jsonType, []byte(capturedJSON))
	f.Add("", []byte(capturedJSON))
	f.Add(jsonType, []byte(`{"originator":447700900123,"recipient":"447700900900","mediaUrls":["a",["b"],{"c":1},null]}`))
	f.Add(formType, []byte("originator=%2B447700900123&recipient=%ff&payload=%00"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		got, err := ParseText(contentType, body, "GB")
		clean(t, err, got.CarrierID, got.Body, got.Created, got.From.E164(), got.To.E164())
		if (err == nil) != (got.Body != "" && !got.From.IsZero() && !got.To.IsZero()) {
			t.Errorf("got a text %+v with error %v", got, err)
		}
		again, _ := ParseText(contentType, body, "GB")
		if again != got {
			t.Errorf("got %+v, then %+v", got, again)
		}
	})
}

func FuzzParseCall(f *testing.F) {
	f.Add(capturedCall)
	f.Add("destination=447700900900&source=Restricted")
	f.Add("destination=%ff&callID=%00")
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		got, err := ParseCall(values, "GB")
		clean(t, err, got.From.E164(), got.To.E164())
		if (err == nil) == got.To.IsZero() {
			t.Errorf("got a call %+v with error %v", got, err)
		}
	})
}

func FuzzParseReport(f *testing.F) {
	f.Add(capturedReport)
	f.Add("id=1&status=delivery_failed&statusReason=%00%ff+447700900123&statusErrorCode=103")
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		got, err := ParseReport(values)
		clean(t, err, got.CarrierID, got.Reference, got.Reason)
		if (err == nil) != (got.State != "" && got.CarrierID+got.Reference != "") {
			t.Errorf("got a report %+v with error %v", got, err)
		}
		if (got.State == masking.Failed) != (got.Reason != "") {
			t.Errorf("got state %s with reason %q", got.State, got.Reason)
		}
	})
}
