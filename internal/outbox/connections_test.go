package outbox_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	messagebird "birdcar/internal/carrier"
)

// As many sends as there are workers run at once, and no more connections are made.
func TestWorker_Connections(t *testing.T) {
	var made, sending, most, sent atomic.Int64
	messageBird := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for n := sending.Add(1); ; {
			if old := most.Load(); n <= old || most.CompareAndSwap(old, n) {
				break
			}
		}
		defer sending.Add(-1)
		var in messagebird.WireSend
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		for began := time.Now(); sent.Load() == 0 && sending.Load() < 16 && time.Since(began) < 10*time.Second; {
			time.Sleep(time.Millisecond) // the first ones wait for each other
		}
		sent.Add(1)
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(messagebird.WireMessage{ID: in.Reference, Originator: in.Originator, CreatedDatetime: messagebird.WireTime(time.Now())})
	}))
	messageBird.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	messageBird.Start()
	defer messageBird.Close()
	client := messagebird.New(messagebird.Config{APIKey: "key", APIURL: messageBird.URL, ReportURL: "http://example.com", Connections: 16})
	w := newWorld(t, 40, time.Now)
	w.stop()
	w.sender = client
	w.start()
	for i := range 400 {
		w.textOf(i%40, fmt.Sprintf("text %d", i))
	}
	for began := time.Now(); sent.Load() < 400; time.Sleep(time.Millisecond) {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%d of 400 texts left", sent.Load())
		}
	}
	if made.Load() > 16 || most.Load() != 16 {
		t.Errorf("%d connections for at most %d sends at once, want 16 for 16", made.Load(), most.Load())
	}
}
