package carrier

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// What Flow Builder's "Forward to URL" posted, in the three forms it was seen in,
// with numbers reserved for drama.
const (
	capturedForm = "message_id=7a76afeaef3743d28d0e2d93621235ca&originator=447700900123&reference=47749346971" +
		"&createdDatetime=2018-09-24T08%3A30%3A59%2B00%3A00&id=f91908b75f9e4b1fba3b96dc44995f03&message=I%27m+here+%E2%9C%8B" +
		"&receiver=447700900900&body=I%27m+here+%E2%9C%8B&date=1537806659&payload=I%27m+here+%E2%9C%8B&sender=447700900123" +
		"&date_utc=1537777859&recipient=447700900900"
	capturedJSON = `{"receiver":"447700900900","sender":"447700900123","message":"I'm here ✋","date":1690386569,` +
		`"date_utc":1690418969,"reference":"1","id":"b6aae1b5dfb2427a8f7ea6a717ba31a9",` +
		`"message_id":"3b53c137369242138120d6b0b2122607","recipient":"447700900900","originator":"447700900123",` +
		`"body":"I'm here ✋","createdDatetime":"2023-07-27T00:49:29+00:00","mms":false}`
	capturedShortCode = "shortcode=447700900900&mid=12345&message=I%27m+here+%E2%9C%8B&receive_datetime=20231102201510&originator=447700900123"
)

func TestParseText(t *testing.T) {
	ada, proxy := phoneNumber(t, "447700900123"), phoneNumber(t, "447700900900")
	cases := []struct {
		name        string
		contentType string
		body        string
		want        masking.Text
	}{
		{"captured form", formType, capturedForm, masking.Text{
			CarrierID: "f91908b75f9e4b1fba3b96dc44995f03", From: ada, To: proxy, Body: "I'm here ✋", Created: "2018-09-24T08:30:59+00:00"}},
		{"captured JSON", jsonType, capturedJSON, masking.Text{
			CarrierID: "b6aae1b5dfb2427a8f7ea6a717ba31a9", From: ada, To: proxy, Body: "I'm here ✋", Created: "2023-07-27T00:49:29+00:00"}},
		{"captured short code form", formType, capturedShortCode, masking.Text{
			CarrierID: "12345", From: ada, To: proxy, Body: "I'm here ✋", Created: "20231102201510"}},
		{"form with a charset", "Application/X-WWW-Form-Urlencoded; charset=UTF-8", "originator=447700900123&recipient=447700900900&payload=hi",
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"JSON with a charset", "application/json;charset=utf-8", `{"originator":"447700900123","recipient":"447700900900","payload":"hi"}`,
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"no content type, form", "", "originator=447700900123&recipient=447700900900&payload=hi",
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"no content type, JSON", "", "\n " + `{"originator":"447700900123","recipient":"447700900900","payload":"hi"}`,
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"JSON after a byte-order mark", jsonType, "\uFEFF" + capturedJSON, masking.Text{
			CarrierID: "b6aae1b5dfb2427a8f7ea6a717ba31a9", From: ada, To: proxy, Body: "I'm here ✋", Created: "2023-07-27T00:49:29+00:00"}},
		{"no content type, JSON after a byte-order mark", "", "\uFEFF" + `{"originator":"447700900123","recipient":"447700900900","payload":"hi"}`,
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"JSON with numbers as numbers", jsonType, `{"originator":447700900123,"recipient":447700900900,"payload":42,"date_utc":1690418969}`,
			masking.Text{From: ada, To: proxy, Body: "42", Created: "1690418969"}},
		{"JSON with nulls", jsonType, `{"originator":null,"sender":"447700900123","recipient":"447700900900","payload":null,"body":"hi","id":null}`,
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"JSON with what nobody knows", jsonType, `{"originator":"447700900123","recipient":"447700900900","payload":"hi","new":{"a":[{"b":[]}]},"id":["a"]}`,
			masking.Text{CarrierID: "a", From: ada, To: proxy, Body: "hi"}},
		{"payload before body before message", formType, "originator=447700900123&recipient=447700900900&message=c&body=b&payload=a",
			masking.Text{From: ada, To: proxy, Body: "a"}},
		{"an empty field falls back", formType, "originator=&sender=447700900123&recipient=&receiver=447700900900&payload=&body=&message=c",
			masking.Text{From: ada, To: proxy, Body: "c"}},
		{"numbers with +, 00 and spaces", formType, "originator=%2B44+7700+900123&recipient=0044+7700900900&payload=hi",
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"national numbers", formType, "originator=07700900123&recipient=07700+900900&payload=hi",
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"NUL and invalid UTF-8", formType, "originator=447700900123&recipient=447700900900&payload=a%00b%ffc&id=x%00%ffy",
			masking.Text{CarrierID: "x\uFFFDy", From: ada, To: proxy, Body: "ab\uFFFDc"}},
		{"NUL in JSON", jsonType, `{"originator":"447700900123","recipient":"447700900900","payload":"a\u0000b\ud800c"}`,
			masking.Text{From: ada, To: proxy, Body: "ab\uFFFDc"}},
		{"white space is kept", formType, "originator=447700900123&recipient=447700900900&payload=+a%0A%0Ab+",
			masking.Text{From: ada, To: proxy, Body: " a\n\nb "}},
		{"pictures without a text", formType, "originator=447700900123&recipient=447700900900&body=&mediaUrls=https%3A%2F%2Fm.example%2F1&mediaUrls=https%3A%2F%2Fm.example%2F2",
			masking.Text{From: ada, To: proxy, Body: "https://m.example/1\nhttps://m.example/2"}},
		{"pictures with a text", jsonType, `{"originator":"447700900123","recipient":"447700900900","body":"look","mediaURLs":["https://m.example/1","https://m.example/2"]}`,
			masking.Text{From: ada, To: proxy, Body: "look\nhttps://m.example/1\nhttps://m.example/2"}},
		{"a form's pictures as JSON", formType, "originator=447700900123&recipient=447700900900&body=look&mediaURLs=%5B%22https%3A%2F%2Fm.example%2F1%22%2C%22https%3A%2F%2Fm.example%2F2%22%5D",
			masking.Text{From: ada, To: proxy, Body: "look\nhttps://m.example/1\nhttps://m.example/2"}},
		{"a form's pictures as JSON, none", formType, "originator=447700900123&recipient=447700900900&body=hi&mediaURLs=%5B%5D",
			masking.Text{From: ada, To: proxy, Body: "hi"}},
		{"a form's picture that only looks like JSON", formType, "originator=447700900123&recipient=447700900900&body=hi&mediaURLs=%5Bhttps%3A%2F%2Fm.example%2F1",
			masking.Text{From: ada, To: proxy, Body: "hi\n[https://m.example/1"}},
		{"a text like a list", formType, "originator=447700900123&recipient=447700900900&body=%5B%5D",
			masking.Text{From: ada, To: proxy, Body: "[]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseText(c.contentType, []byte(c.body), "GB")
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %q %q\nwant %q %q", got, got.From.E164(), c.want, c.want.From.E164())
			}
		})
	}
}

func TestParseText_Refuses(t *testing.T) {
	form := func(changes ...string) string {
		fields := url.Values{"originator": {"447700900123"}, "recipient": {"447700900900"}, "payload": {"hi"}, "id": {"1"}}
		for i := 0; i < len(changes); i += 2 {
			fields.Set(changes[i], changes[i+1])
		}
		return fields.Encode()
	}
	object := func(field, value string) string {
		return fmt.Sprintf(`{"originator":"447700900123","recipient":"447700900900","payload":"hi",%q:%s}`, field, value)
	}
	cases := []struct {
		name, contentType, body, want string
	}{
		{"nothing", formType, "", "originator is missing"},
		{"no recipient", formType, "originator=447700900123&payload=hi", "recipient is missing"},
		{"no payload", formType, "originator=447700900123&recipient=447700900900", "payload is missing"},
		{"empty payload", formType, form("payload", ""), "payload is empty"},
		{"payload of NULs", formType, form("payload", "\x00\x00"), "payload is empty"},
		{"originator a word", formType, form("originator", "Secret Bank"), "originator is not a phone number"},
		{"originator hidden", formType, form("originator", "Restricted"), "originator is not a phone number"},
		{"recipient a short code", formType, form("recipient", "3210"), "recipient is not a phone number"},
		{"recipient too long", formType, form("recipient", "4477009009004477"), "recipient is not a phone number"},
		{"long id", formType, form("id", strings.Repeat("x", 129)), "id is too long"},
		{"long time", formType, form("createdDatetime", strings.Repeat("x", 65)), "createdDatetime is too long"},
		{"too many form fields", formType, strings.Repeat("a=b&", 100) + form(), "the form has too many fields"},
		{"broken escape", formType, "originator=%zz&" + form(), "the body is not a readable form"},
		{"truncated JSON", jsonType, capturedJSON[:80], "the body is not a readable JSON object"},
		{"two JSON objects", jsonType, capturedJSON + capturedJSON, "the body is not a readable JSON object"},
		{"empty JSON", jsonType, "", "the body is not a readable JSON object"},
		{"JSON null", jsonType, "null", "the body is not a readable JSON object"},
		{"JSON list", jsonType, "[" + capturedJSON + "]", "the body is not a readable JSON object"},
		{"deep JSON", jsonType, strings.Repeat(`{"a":`, 20_000), "the body is not a readable JSON object"},
		{"JSON originator nested", jsonType, object("originator", `{"number":"447700900123"}`), "originator is missing"},
		{"JSON originator a float", jsonType, object("originator", "4.477e11"), "originator is not a phone number"},
		{"JSON originator a boolean", jsonType, object("originator", "true"), "originator is not a phone number"},
		{"too many JSON fields", jsonType, manyFields(), "the JSON object has too many fields"},
		{"form said to be JSON", jsonType, capturedForm, "the body is not a readable JSON object"},
		{"XML", "text/xml", "<a/>", "the content type must be application/x-www-form-urlencoded or application/json"},
		{"multipart", "multipart/form-data; boundary=x", "--x--", "the content type must be application/x-www-form-urlencoded or application/json"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseText(c.contentType, []byte(c.body), "GB")
			if err == nil || err.Error() != c.want {
				t.Errorf("got error %v, want %s", err, c.want)
			}
			if got != (masking.Text{}) {
				t.Errorf("got %+v beside the error, want nothing", got)
			}
		})
	}
}

func manyFields() string {
	var b strings.Builder
	for i := range maxFields + 1 {
		fmt.Fprintf(&b, `,"f%d":1`, i)
	}
	return "{" + b.String()[1:] + "}"
}
