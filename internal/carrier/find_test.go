package carrier

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"birdcar/internal/masking"
)

func pageOf(t *testing.T, r *http.Request) (offset, limit int) {
	t.Helper()
	if o := r.URL.Query().Get("offset"); o != "" {
		var err error
		if offset, err = strconv.Atoi(o); err != nil {
			t.Error(err)
		}
	}
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil {
		t.Error(err)
	}
	return offset, limit
}

// sentAt is a message as MessageBird lists it.
func sentAt(reference string, recipient int64, created time.Time) WireMessage {
	return WireMessage{
		ID: "id of " + reference, Direction: "mt", Type: "sms", Originator: "447700900900", Reference: &reference,
		CreatedDatetime: WireTime(created),
		Recipients:      WireRecipients{TotalCount: 1, Items: []WireRecipient{{Recipient: recipient, Status: "sent"}}},
	}
}

// newestFirst are n messages of others, one each minute before noon.
func newestFirst(n int) []WireMessage {
	messages := make([]WireMessage, n)
	for i := range messages {
		messages[i] = sentAt(fmt.Sprintf("other-%d", i), 447700900123, noon.Add(-time.Duration(i)*time.Minute))
	}
	return messages
}

// listing is a MessageBird that has these messages, where it is noon. Its total counts extra
// ones that no page holds.
func listing(t *testing.T, messages []WireMessage, extra int, asked func(answer http.Header)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); r.URL.Path != "/messages" || q.Get("originator") != "447700900900" || q.Get("direction") != "mt" {
			t.Errorf("got %s", r.URL)
		}
		offset, limit := pageOf(t, r)
		items := messages[min(offset, len(messages)):min(offset+limit, len(messages))]
		body, err := json.Marshal(WireList{
			Offset: offset, Limit: limit, Count: len(items), TotalCount: len(messages) + extra, Items: items,
		})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Date", noon.Format(http.TimeFormat))
		asked(w.Header())
		answer(w, http.StatusOK, string(body))
	}
}

func TestClient_Find(t *testing.T) {
	ours := sentAt("ref-1", 447700900123, noon)
	reversed := func(m []WireMessage) []WireMessage { slices.Reverse(m); return m }
	sameTime := newestFirst(200)
	for i := range sameTime {
		sameTime[i].CreatedDatetime = WireTime(noon.Add(-24 * time.Hour))
	}
	cases := []struct {
		name     string
		messages []WireMessage
		extra    int // messages that the total counts and no page holds
		found    bool
		open     bool // neither found nor a certain no
		requests int
	}{
		{name: "none", requests: 1},
		{name: "the only one", messages: []WireMessage{ours}, found: true, requests: 1},
		{name: "on the second page", messages: append(newestFirst(30), ours), found: true, requests: 2},
		{name: "at the end of a list that runs from old to new", messages: append(reversed(newestFirst(300)), ours), found: true, requests: 16},
		{name: "others only", messages: newestFirst(30), requests: 2},
		{name: "others only, whole pages", messages: newestFirst(40), requests: 2},
		{name: "the same reference to somebody else", messages: []WireMessage{sentAt("ref-1", 447700900124, noon)}, requests: 1},
		{name: "a longer reference", messages: []WireMessage{sentAt("ref-12", 447700900123, noon)}, requests: 1},
		{name: "newest first, and what is left is too old", messages: newestFirst(500), requests: 4},
		{name: "all of one time says nothing about the order", messages: append(sameTime, ours), found: true, requests: 11},
		{name: "more than we read", messages: reversed(newestFirst(maxPages*findPage + 1)), open: true, requests: maxPages},
		{name: "ends before its own total", messages: newestFirst(30), extra: 1, open: true, requests: 3},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			requests := 0
			client := clientOf(t, listing(t, c.messages, c.extra, func(http.Header) { requests++ }))
			client.cfg.Now = func() time.Time { return noon }
			m := messageTo(t, "447700900123")
			m.Uncertain = noon
			id, err := client.Find(t.Context(), m)
			switch {
			case c.found:
				if err != nil || id != "id of ref-1" {
					t.Errorf("got %q, %v, want it found", id, err)
				}
			case c.open:
				if outcomeOf(t, err).Outcome != masking.Unknown {
					t.Errorf("got %v, want the question left open", err)
				}
			case !errors.Is(err, masking.ErrNotFound):
				t.Errorf("got %q, %v, want a certain no", id, err)
			}
			if requests != c.requests {
				t.Errorf("got %d requests, want %d", requests, c.requests)
			}
		})
	}
}

// A list is left before its end only where that is certain, whatever our clock said at the try
// and says now.
func TestClient_FindByAWrongClock(t *testing.T) {
	const h = time.Hour
	all := newestFirst(1000)
	cases := []struct {
		name      string
		ago       time.Duration // since the try
		then, now time.Duration // how far our clock was ahead at the try, and is now
		dateless  bool
		requests  int // when MessageBird does not have it
	}{
		{name: "right", ago: h, requests: 7},
		{name: "ahead", ago: h / 2, then: 2 * h, now: 2 * h, requests: 5},
		{name: "ahead, and the try was long ago", ago: 5 * h, then: 2 * h, now: 2 * h, requests: 19},
		{name: "ahead at the try", ago: h / 2, then: 2 * h, requests: 50},
		{name: "ahead at the try, and more than the margin has passed", ago: 90 * time.Minute, then: 2 * h, requests: 50},
		{name: "ahead now", ago: h, now: 2 * h, requests: 13},
		{name: "behind", ago: 3 * h, then: -2 * h, now: -2 * h, requests: 19},
		{name: "behind at the try", ago: h, then: -2 * h, requests: 13},
		{name: "behind now", ago: 5 * h, now: -2 * h, requests: 19},
		{name: "unknown on their side", ago: h, dateless: true, requests: 50},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			requests := 0
			find := func(messages []WireMessage) (string, error) {
				requests = 0
				client := clientOf(t, listing(t, messages, 0, func(answer http.Header) {
					requests++
					if c.dateless {
						answer["Date"] = nil
					}
				}))
				client.cfg.Now = func() time.Time { return noon.Add(c.now) }
				m := messageTo(t, "447700900123")
				m.Uncertain = noon.Add(-c.ago).Add(c.then)
				return client.Find(t.Context(), m)
			}
			older := int(c.ago/time.Minute) + 1
			ours := sentAt("ref-1", 447700900123, noon.Add(-c.ago))
			if id, err := find(slices.Insert(slices.Clone(all), older, ours)); err != nil || id != "id of ref-1" {
				t.Errorf("got %q, %v, want it found", id, err)
			}
			if id, err := find(all); !errors.Is(err, masking.ErrNotFound) {
				t.Errorf("got %q, %v, want a certain no", id, err)
			}
			if requests != c.requests {
				t.Errorf("a certain no took %d requests, want %d", requests, c.requests)
			}
		})
	}
}

// An answer that cannot be read is never a no, nor proof that nothing was sent.
func TestClient_FindUnreadable(t *testing.T) {
	cases := []struct {
		name    string
		status  int
		body    string
		outcome masking.Outcome
	}{
		{"empty object", 200, `{}`, masking.Unknown},
		{"null", 200, `null`, masking.Unknown},
		{"empty list", 200, `[]`, masking.Unknown},
		{"items are missing", 200, `{"offset":0,"limit":20,"count":2,"totalCount":2}`, masking.Unknown},
		{"another page", 200, `{"offset":20,"limit":20,"count":0,"totalCount":20,"items":[]}`, masking.Unknown},
		{"total less than the page", 200, `{"offset":0,"limit":20,"count":1,"totalCount":0,"items":[{"id":"1"}]}`, masking.Unknown},
		{"HTML", 200, html, masking.Unknown},
		{"nothing", 204, "", masking.Unknown},
		{"not found", 404, notFound, masking.Unknown},
		{"refused filter", 422, withCode("10"), masking.Unknown},
		{"too fast", 429, "{}", masking.Unknown},
		{"trouble", 503, "", masking.Unknown},
		{"key refused", 401, keyRefused, masking.Refused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "3")
				if c.body == "" {
					w.WriteHeader(c.status)
					return
				}
				answer(w, c.status, c.body)
			})
			_, err := client.Find(t.Context(), messageTo(t, "447700900123"))
			if got := outcomeOf(t, err); got.Outcome != c.outcome || got.RetryAfter != 3*time.Second {
				t.Errorf("got %+v, want %s and 3 s to wait", got, c.outcome)
			}
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		closed := httptest.NewServer(http.NotFoundHandler())
		closed.Close()
		_, err := New(configOf(closed.URL)).Find(t.Context(), messageTo(t, "447700900123"))
		if got := outcomeOf(t, err); got.Outcome != masking.Unknown {
			t.Errorf("got %+v: that the question was not taken does not tell that the message was not", got)
		}
	})
	t.Run("no reference", func(t *testing.T) {
		client := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("a request was made") })
		m := messageTo(t, "447700900123")
		m.Reference = ""
		if _, err := client.Find(t.Context(), m); outcomeOf(t, err).Outcome != masking.Unknown {
			t.Errorf("got %v, want the question left open", err)
		}
	})
}
