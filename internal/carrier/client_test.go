package carrier

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/masking"
)

// clientOf is a Client of an HTTP server that plays MessageBird.
func clientOf(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return New(configOf(server.URL))
}

func configOf(address string) Config {
	return Config{
		APIKey: "live_key", APIURL: address + "/", NumbersURL: address + "/v1",
		ReportURL: "https://birdcar.example/webhook-status?token=x",
		Timeout:   10 * time.Second,
	}
}

func messageTo(t *testing.T, to string) masking.Message {
	return masking.Message{
		From: phoneNumber(t, "447700900900"), To: phoneNumber(t, to), Body: "I'm here ✋ & waiting", Reference: "ref-1",
	}
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func TestClient_Send(t *testing.T) {
	var method, path, key, contentType, sent string
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		method, path, key, contentType = r.Method, r.URL.String(), r.Header.Get("Authorization"), r.Header.Get("Content-Type")
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		sent = string(body)
		answer(w, http.StatusCreated, `{"id":"6fe65f90454aa61536e6a88b88972670","reference":"ref-1","recipients":{"items":[{"recipient":447700900123}]}}`)
	})
	id, err := c.Send(t.Context(), messageTo(t, "447700900123"))
	if err != nil || id != "6fe65f90454aa61536e6a88b88972670" {
		t.Fatalf("got %q, %v", id, err)
	}
	if method != "POST" || path != "/messages" || key != "AccessKey live_key" || contentType != jsonType {
		t.Errorf("got %s %s with key %q and type %q", method, path, key, contentType)
	}
	const want = `{"originator":"447700900900","body":"I'm here ✋ \u0026 waiting","recipients":["447700900123"],"groupIds":null,` +
		`"type":"sms","reference":"ref-1","datacoding":"auto","mclass":1,"shortenUrls":false,` +
		`"reportUrl":"https://birdcar.example/webhook-status?token=x"}`
	if sent != want {
		t.Errorf("got  %s\nwant %s", sent, want)
	}
	var wire WireSend
	if err := json.Unmarshal([]byte(sent), &wire); err != nil || wire.Body != "I'm here ✋ & waiting" || wire.Recipients[0] != "447700900123" {
		t.Errorf("got %+v, %v through the wire type", wire, err)
	}
}

// An id that no database takes, or none that delivery reports have, is stored as reports are read.
func TestClient_OddID(t *testing.T) {
	for odd, want := range map[string]string{
		`ab\u0000cd `:                      "abcd",
		strings.Repeat("x", 4096):          strings.Repeat("x", maxID),
		strings.Repeat("é", 4096):          strings.Repeat("é", maxID/2),
		strings.Repeat("x", maxID-1) + "é": strings.Repeat("x", maxID-1),
	} {
		c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
			message := `{"id":"` + odd + `","reference":"ref-1","recipients":{"items":[{"recipient":447700900123}]}}`
			if r.Method == http.MethodGet {
				message = `{"offset":0,"limit":20,"count":1,"totalCount":1,"items":[` + message + `]}`
			}
			answer(w, http.StatusOK, message)
		})
		if id, err := c.Send(t.Context(), messageTo(t, "447700900123")); err != nil || id != want {
			t.Errorf("sent: got %q, %v, want %q", id, err, want)
		}
		if id, err := c.Find(t.Context(), messageTo(t, "447700900123")); err != nil || id != want {
			t.Errorf("found: got %q, %v, want %q", id, err, want)
		}
	}
}

func TestClient_SendNothing(t *testing.T) {
	c := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
	whole := messageTo(t, "447700900123")
	for name, spoil := range map[string]func(*masking.Message){
		"no text":      func(m *masking.Message) { m.Body = "" },
		"no sender":    func(m *masking.Message) { m.From = masking.Number{} },
		"no recipient": func(m *masking.Message) { m.To = masking.Number{} },
	} {
		m := whole
		spoil(&m)
		if _, err := c.Send(t.Context(), m); outcomeOf(t, err).Outcome != masking.Rejected {
			t.Errorf("%s: got %v, want it rejected", name, err)
		}
	}
}

// Requests that run at once do not see each other's answers, and share connections.
func TestClient_AtOnce(t *testing.T) {
	const senders, each = 8, 25
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var sent WireSend
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		if sent.Reference[0] == '1' {
			w.Header().Set("Retry-After", "7")
			answer(w, http.StatusTooManyRequests, "")
			return
		}
		answer(w, http.StatusCreated, fmt.Sprintf(`{"id":%q}`, sent.Reference))
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := New(configOf(server.URL))
	var all sync.WaitGroup
	for sender := range senders {
		m := messageTo(t, "447700900123")
		all.Go(func() {
			for i := range each {
				m.Reference = fmt.Sprintf("%d-%d-%d", i%2, sender, i)
				id, err := c.Send(t.Context(), m)
				if i%2 == 0 && (err != nil || id != m.Reference) {
					t.Errorf("%s: got %q, %v", m.Reference, id, err)
				}
				if i%2 == 1 && outcomeOf(t, err).RetryAfter != 7*time.Second {
					t.Errorf("%s: got %v, want 7 s to wait", m.Reference, err)
				}
			}
		})
	}
	all.Wait()
	if got := connections.Load(); got > 2*senders {
		t.Errorf("got %d connections for %d messages, want them kept alive", got, senders*each)
	}
}

func TestClient_Balance(t *testing.T) {
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/balance" {
			t.Errorf("got %s", r.URL.Path)
		}
		w.Header().Set("Date", "Sat, 21 Nov 2026 12:00:00 GMT")
		answer(w, http.StatusOK, `{"payment":"prepaid","type":"credits","amount":9.2}`)
	})
	got, err := c.Balance(t.Context())
	if want := (Balance{Payment: "prepaid", Type: "credits", Amount: 9.2, Answered: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	c.cfg.APIKey = "test_1234567890"
	if got, err = c.Balance(t.Context()); err != nil || !got.TestKey {
		t.Errorf("got %+v, %v with a test key", got, err)
	}
	c = clientOf(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusUnauthorized, keyRefused) })
	if _, err := c.Balance(t.Context()); outcomeOf(t, err).Outcome != masking.Refused {
		t.Errorf("got %v, want the account refused", err)
	}
	c = clientOf(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, `{}`) })
	if got, err := c.Balance(t.Context()); outcomeOf(t, err).Outcome != masking.Unknown {
		t.Errorf("got %+v, %v of an answer that is no balance", got, err)
	}
}

func TestClient_Numbers(t *testing.T) {
	var want []masking.Number
	var owned []string
	for i := range 45 {
		digits := fmt.Sprintf("4477009009%02d", i)
		owned = append(owned, digits)
		want = append(want, phoneNumber(t, digits))
	}
	owned = slices.Insert(owned, 3, "3210") // a short code
	c := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/phone-numbers" {
			t.Errorf("got %s", r.URL.Path)
		}
		offset, limit := pageOf(t, r)
		type item struct {
			Number string `json:"number"`
		}
		items := []item{}
		for _, digits := range owned[offset:min(offset+limit, len(owned))] {
			items = append(items, item{digits})
		}
		body, err := json.Marshal(map[string]any{
			"offset": offset, "limit": limit, "count": len(items), "totalCount": len(owned), "items": items,
		})
		if err != nil {
			t.Error(err)
		}
		answer(w, http.StatusOK, string(body))
	})
	got, err := c.Numbers(t.Context())
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	c = clientOf(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, `{}`) })
	if got, err := c.Numbers(t.Context()); outcomeOf(t, err).Outcome != masking.Unknown {
		t.Errorf("got %v, %v of an answer that is no list", got, err)
	}
}

// outcomeOf is the error as the outbox needs it: there is no other kind.
func outcomeOf(t *testing.T, err error) masking.CarrierError {
	t.Helper()
	var e *masking.CarrierError
	if !errors.As(err, &e) {
		t.Errorf("got %v, want a masking.CarrierError", err)
		return masking.CarrierError{}
	}
	return *e
}
