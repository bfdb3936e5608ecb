package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"birdcar/internal/carrier"
)

// hostile is a MessageBird that fails on purpose, and remembers in their order all
// messages that it took. Its list lags behind.
type hostile struct {
	*httptest.Server

	mu      sync.Mutex
	target  func() string // where delivery reports go now; empty: nowhere
	random  *rand.Rand
	fates   []fate // of messages, by their share; the rest are taken
	taken   []takenMessage
	counted map[string]int  // requests by their fate
	failing map[string]bool // bodies that no phone will get

	reports  atomic.Int64 // under way
	peaceful atomic.Bool  // no more failures
}

// fate is what becomes of a request.
type fate struct {
	name  string
	share float64 // of all requests
	left  int     // how often at most
	takes bool    // the message is taken all the same
	do    func(w http.ResponseWriter, answer func())
}

type takenMessage struct {
	carrier.WireMessage
	to string
	at time.Time
}

// listLag is how much later than taken a message is on the list: less than settle,
// which BirdCar waits before it believes that one is not there.
const listLag = 3 * time.Second

func newHostile(t *testing.T, random *rand.Rand, hangs int) *hostile {
	t.Helper()
	h := &hostile{random: random, counted: map[string]int{}, failing: map[string]bool{}, target: func() string { return "" }}
	h.fates = []fate{ // a Retry-After holds up everybody, so there are few
		{"slow", 0.05, 1 << 30, true, func(_ http.ResponseWriter, answer func()) {
			time.Sleep(time.Duration(rand.IntN(400)) * time.Millisecond)
			answer()
		}},
		{"500, not taken", 0.008, 1 << 30, false, refuse(http.StatusInternalServerError, nil)},
		{"500, taken", 0.006, 1 << 30, true, refuse(http.StatusInternalServerError, nil)},
		{"503, not taken", 0.0005, 1 << 30, false, refuse(http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}})},
		{"429, not taken", 0.0005, 1 << 30, false, refuse(http.StatusTooManyRequests, http.Header{"Retry-After": {"1"}})},
		{"HTML, not taken", 0.004, 1 << 30, false, html(http.StatusBadGateway)},
		{"HTML, taken", 0.004, 1 << 30, true, html(http.StatusOK)},
		{"half an answer, taken", 0.004, 1 << 30, true, func(w http.ResponseWriter, _ func()) {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write([]byte(`{"id":"12345","dire`))
		}},
		{"reset, not taken", 0.006, 1 << 30, false, reset},
		{"reset, taken", 0.006, 1 << 30, true, reset},
		{"no answer, taken", 0.004, hangs, true, func(w http.ResponseWriter, _ func()) { hang(w) }},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", h.take)
	mux.HandleFunc("GET /messages", h.list)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Close)
	return h
}

func refuse(status int, header http.Header) func(http.ResponseWriter, func()) {
	return func(w http.ResponseWriter, _ func()) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, `{"errors":[{"code":99,"description":"internal error"}]}`)
	}
}

func html(status int) func(http.ResponseWriter, func()) {
	return func(w http.ResponseWriter, _ func()) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, "<html><body><h1>We will be back soon</h1></body></html>")
	}
}

// reset cuts the connection so that the other side sees it broken.
func reset(w http.ResponseWriter, _ func()) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		_ = conn.Close()
	}
}

// hang lets the client wait until it gives up.
func hang(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Read(make([]byte, 1)) // ends when the client closes
	_ = conn.Close()
}

// draw chooses the fate of a request; nil: nothing happens to it.
func (h *hostile) draw(harmless bool) *fate {
	if h.peaceful.Load() {
		return nil
	}
	chance := h.random.Float64()
	for i := range h.fates {
		f := &h.fates[i]
		if chance -= f.share; chance < 0 {
			if f.left == 0 || harmless && f.takes {
				return nil
			}
			f.left--
			h.counted[f.name]++
			return f
		}
	}
	return nil
}

func (h *hostile) take(w http.ResponseWriter, r *http.Request) {
	var in carrier.WireSend
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Recipients) != 1 || in.Reference == "" || in.ReportURL == "" {
		http.Error(w, "no message", http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	h.counted["requests"]++
	f := h.draw(false)
	var message carrier.WireMessage
	if f == nil || f.takes {
		message = h.keep(in)
	}
	h.mu.Unlock()
	answer := func() {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(message)
	}
	// What BirdCar does not know to be sent mostly gets no report, which would tell.
	if message.ID != "" && (f == nil || f.name == "slow" || h.fails(in.Body) || rand.IntN(4) == 0) {
		h.report(in, message.ID)
	}
	if f == nil {
		answer()
		return
	}
	f.do(w, answer)
}

// keep notes that a message was taken.
func (h *hostile) keep(in carrier.WireSend) carrier.WireMessage {
	to, _ := strconv.ParseInt(in.Recipients[0], 10, 64)
	now := time.Now()
	message := carrier.WireMessage{ID: fmt.Sprintf("%032x", len(h.taken)+1), Direction: "mt", Type: "sms", Originator: in.Originator,
		Body: in.Body, Reference: &in.Reference, CreatedDatetime: carrier.WireTime(now),
		Recipients: carrier.WireRecipients{TotalCount: 1, Items: []carrier.WireRecipient{{Recipient: to, Status: "sent"}}}}
	h.taken = append(h.taken, takenMessage{message, in.Recipients[0], now})
	return message
}

// list is GET /messages: the newest first, by originator, behind the times.
func (h *hostile) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	offset, _ := strconv.Atoi(query.Get("offset"))
	limit, _ := strconv.Atoi(query.Get("limit"))
	h.mu.Lock()
	h.counted["questions"]++
	f := h.draw(true)
	var all []carrier.WireMessage
	for _, m := range slices.Backward(h.taken) {
		if m.Originator == query.Get("originator") && time.Since(m.at) >= listLag {
			all = append(all, m.WireMessage)
		}
	}
	h.mu.Unlock()
	if f != nil {
		f.do(w, func() {})
		return
	}
	page := all[min(offset, len(all)):min(offset+limit, len(all))]
	_ = json.NewEncoder(w).Encode(carrier.WireList{Offset: offset, Limit: limit, Count: len(page), TotalCount: len(all), Items: page})
}

// report sends the delivery reports of a message, more than one, in any order,
// until BirdCar takes them.
func (h *hostile) report(in carrier.WireSend, id string) {
	h.mu.Lock()
	final := url.Values{"status": {"delivered"}}
	if h.failing[in.Body] {
		final = url.Values{"status": {"delivery_failed"}, "statusReason": {"unknown subscriber"}, "statusErrorCode": {"1"}}
	}
	reports := []url.Values{{"status": {"sent"}}, final}
	if h.random.IntN(4) == 0 {
		reports = append(reports, url.Values{"status": {"buffered"}}, final)
	}
	h.random.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
	h.mu.Unlock()
	h.reports.Add(1)
	go func() {
		defer h.reports.Add(-1)
		for _, report := range reports {
			report.Set("id", id)
			report.Set("reference", in.Reference)
			report.Set("recipient", in.Recipients[0])
			for {
				base := h.base()
				if base == "" {
					return
				}
				if statusOf(loadClient.Get(base+"/webhook-status?token="+tortureToken+"&"+report.Encode())) == http.StatusOK {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
}

// aim says where delivery reports go from now on.
func (h *hostile) aim(target func() string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.target = target
}

func (h *hostile) base() string {
	h.mu.Lock()
	target := h.target
	h.mu.Unlock()
	return target()
}

func (h *hostile) fails(body string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing[body]
}

// messages is all that it took, in order.
func (h *hostile) messages() []takenMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}
