package carrier

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
)

const (
	keyRefused = `{"errors":[{"code":2,"description":"Request not allowed (incorrect access_key)","parameter":"access_key"}]}`
	noBalance  = `{"errors":[{"code":25,"description":"not enough balance","parameter":null}]}`
	// That its description arrives shows that nothing replaced the SDK's reader of errors.
	noRecipient = `{"errors":[{"code":9,"description":"no (correct) recipients found","parameter":"recipient"}]}`
	notFound    = `{"errors":[{"code":20,"description":"message not found","parameter":null}]}`
	html        = `<html><body>Bad gateway for 447700900123</body></html>`
)

func withCode(code string) string {
	return `{"errors":[{"code":` + code + `,"description":"something","parameter":null}]}`
}

// Every answer that MessageBird may give, and what it means for the message.
func TestClient_SendOutcomes(t *testing.T) {
	const unreadable = "MessageBird's answer could not be read "
	cases := []struct {
		name    string
		status  int
		body    string
		outcome masking.Outcome
		code    int
		reason  string
	}{
		{"recipient refused", 422, noRecipient, masking.Rejected, 9,
			"MessageBird refused the recipient: no (correct) recipients found (code 9)."},
		{"originator refused", 422, `{"errors":[{"code":10,"description":"originator is invalid.","parameter":"originator"}]}`, masking.Rejected, 10,
			"MessageBird refused the proxy number as sender: originator is invalid (code 10)."},
		{"not found", 404, notFound, masking.Rejected, 20, "MessageBird refused the message: message not found (code 20)."},
		{"bad request", 400, withCode("21"), masking.Rejected, 21, "MessageBird refused the message: something (code 21)."},
		{"a code nobody knows", 422, withCode("77"), masking.Rejected, 77, "MessageBird refused the message: something (code 77)."},
		{"a description with a number", 422, `{"errors":[{"code":9,"description":"no route to +44 7700 900123","parameter":"recipients"}]}`,
			masking.Rejected, 9, "MessageBird refused the recipient: no route to ••• (code 9)."},

		{"key refused", 401, keyRefused, masking.Refused, 2,
			"MessageBird refused the API key: Request not allowed (incorrect access_key) (code 2)."},
		{"not allowed, as 422", 422, withCode("2"), masking.Refused, 2, "MessageBird refused the account: something (code 2)."},
		{"no balance", 422, noBalance, masking.Refused, 25, "MessageBird refused the account: not enough balance (code 25)."},
		{"no balance beside another error", 422, `{"errors":[{"code":9,"description":"a"},{"code":25,"description":"not enough balance"}]}`,
			masking.Refused, 25, "MessageBird refused the account: not enough balance (code 25)."},
		{"no such API", 404, withCode("98"), masking.Refused, 98, "MessageBird refused the account: something (code 98)."},
		{"401 with HTML", 401, html, masking.Refused, 0, "MessageBird refused the account (status 401)."},
		{"402", 402, "", masking.Refused, 0, "MessageBird refused the account (status 402)."},
		{"403 with nothing", 403, "", masking.Refused, 0, "MessageBird refused the account (status 403)."},

		{"too fast", 429, withCode("1"), masking.NotTaken, 1, "MessageBird asks to send more slowly (status 429)."},
		{"too fast, with nothing", 429, "", masking.NotTaken, 0, "MessageBird asks to send more slowly (status 429)."},

		{"500", 500, withCode("99"), masking.Unknown, 0, "MessageBird has trouble (status 500)."},
		{"502 with HTML", 502, html, masking.Unknown, 0, "MessageBird has trouble (status 502)."},
		{"503", 503, "", masking.Unknown, 0, "MessageBird has trouble (status 503)."},
		{"503 that blames the message", 503, noRecipient, masking.Unknown, 9, "MessageBird has trouble (status 503)."},
		{"internal error as 4xx", 422, withCode("99"), masking.Unknown, 99, "MessageBird has trouble (code 99)."},
		{"request timeout", 408, withCode("9"), masking.Unknown, 9, unreadable + "(status 408)."},
		{"404 with HTML", 404, html, masking.Unknown, 0, unreadable + "(status 404)."},
		{"422 with nothing", 422, "", masking.Unknown, 0, unreadable + "(status 422)."},
		{"422 without an error", 422, `{"errors":[]}`, masking.Unknown, 0, unreadable + "(status 422)."},
		{"422 without a code", 422, `{"errors":[{"description":"x"}]}`, masking.Unknown, 0, unreadable + "(status 422)."},
		{"201 with HTML", 201, html, masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 with nothing", 201, "", masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 with null", 201, "null", masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 without an id", 201, `{"reference":"ref-1"}`, masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 about another message", 201, `{"id":"1","reference":"ref-0"}`, masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 with an id of control characters", 201, `{"id":"\u0000\n","reference":"ref-1"}`, masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 with a recipient as text", 201, `{"id":"1","recipients":{"items":[{"recipient":"447700900123"}]}}`, masking.Unknown, 0, unreadable + "(status 201)."},
		{"201 without an end", 201, `{"id":"1","body":"` + strings.Repeat("x", maxAnswer) + `"}`, masking.Unknown, 0, unreadable + "(status 201)."},
		{"204", 204, "", masking.Unknown, 0, unreadable + "(status 204)."},
		{"206", 206, `{"id":"1"}`, masking.Unknown, 0, unreadable + "(status 206)."},
		{"redirect", 307, "", masking.Unknown, 0, unreadable + "(status 307)."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			requests := 0
			client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Retry-After", "3")
				w.Header().Set("Location", "/elsewhere")
				if c.body == "" || c.status == 204 {
					w.WriteHeader(c.status)
					return
				}
				answer(w, c.status, c.body)
			})
			_, err := client.Send(t.Context(), messageTo(t, "447700900123"))
			want := masking.CarrierError{Outcome: c.outcome, Code: c.code, Reason: c.reason, RetryAfter: 3 * time.Second}
			if got := outcomeOf(t, err); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if requests != 1 {
				t.Errorf("got %d requests, want 1", requests)
			}
		})
	}
}

// Tries that brought no whole answer.
func TestClient_SendBroken(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains about us
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	playing := func(h http.HandlerFunc) string {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return server.URL
	}
	hangUp := func(said string) string {
		return playing(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, said)
			_ = conn.(*net.TCPConn).SetLinger(0) // a reset, not an end
			_ = conn.Close()
		})
	}
	mute := playing(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see the client go
		<-r.Context().Done()
	})
	cases := []struct {
		name, address string
		outcome       masking.Outcome
		reason        string
	}{
		{"nobody listens", closed.URL, masking.NotTaken, "MessageBird could not be reached."},
		{"a certificate nobody trusts", untrusted.URL, masking.NotTaken, "MessageBird could not be reached."},
		{"no TLS", "https" + strings.TrimPrefix(mute, "http"), masking.NotTaken, "MessageBird could not be reached."},
		{"no answer in time", mute, masking.Unknown, "MessageBird did not answer in time."},
		{"reset before the answer", hangUp(""), masking.Unknown, "The connection to MessageBird broke before it answered."},
		{"no HTTP", hangUp("hello\r\n"), masking.Unknown, "The connection to MessageBird broke before it answered."},
		{"cut in the answer", hangUp("HTTP/1.1 201 Created\r\nContent-Length: 99\r\n\r\n{\"id\":"), masking.Unknown,
			"MessageBird's answer could not be read (status 201)."},
		{"cut in a refusal", hangUp("HTTP/1.1 401 Unauthorized\r\nContent-Length: 99\r\n\r\n{\"err"), masking.Refused,
			"MessageBird refused the account (status 401)."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := configOf(c.address)
			if c.address == mute {
				cfg.Timeout = 100 * time.Millisecond
			}
			_, err := New(cfg).Send(t.Context(), messageTo(t, "447700900123"))
			want := masking.CarrierError{Outcome: c.outcome, NoConnection: c.outcome == masking.NotTaken, Reason: c.reason}
			if got := outcomeOf(t, err); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
	t.Run("the caller gave up before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := New(configOf(mute)).Send(ctx, messageTo(t, "447700900123"))
		if got := outcomeOf(t, err); got.Outcome != masking.NotTaken {
			t.Errorf("got %+v, want it not taken", got)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"":                              0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"-9223372036854775000":          0,
		"soon":                          0,
		"99999999999999999999":          0,
		"9999999999999":                 24 * time.Hour,
		"Sat, 28 Nov 2026 12:01:30 GMT": 90 * time.Second,
		"Sat, 28 Nov 2026 11:00:00 GMT": 0,
		"Sat, 28 Nov 2099 11:00:00 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(header, noon); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"no (correct) recipients found":         "no (correct) recipients found",
		"no route to 447700900123 or +12":       "no route to ••• or +12",
		"+44 (7700) 900-123, code 123456":       "•••, code 123456",
		"two\nlines\x00 and \xff":               "two lines and \uFFFD",
		strings.Repeat("ä", 201):                strings.Repeat("ä", 200) + "…",
		"447700900123 447700900124 and 1234567": "••• and •••",
	} {
		if got := quote(s); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
