package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"birdcar/internal/masking"
	"birdcar/internal/server"
)

func (s *site) metrics(headers ...string) answer {
	s.t.Helper()
	return s.do(http.MethodGet, "/metrics", "", headers...)
}

func TestMetrics_access(t *testing.T) {
	s := newSite(t)
	s.metrics().wantStatus(404)
	s.metrics("Authorization", "Bearer ").wantStatus(404)
	s.login()
	s.metrics().wantStatus(200)

	s = newSite(t, func(c *server.Config) { c.MetricsToken = "measure" })
	for _, wrong := range []string{"", "Bearer", "Bearer ", "Bearer measur", "Bearer measure2", "Basic measure", "measure"} {
		a := s.metrics("Authorization", wrong).wantStatus(http.StatusUnauthorized)
		if strings.Contains(a.body, "birdcar_") || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: answered %s", wrong, a.body)
		}
	}
	for _, right := range []string{"Bearer measure", "bearer measure", "BEARER  measure"} {
		s.metrics("Authorization", right).wantStatus(200)
	}
	s.login()
	s.metrics().wantStatus(200)
}

func TestMetrics(t *testing.T) {
	s := newSite(t, func(c *server.Config) {
		c.MetricsToken = "measure"
		c.Sending = func() masking.SendingStatus { return masking.SendingStatus{Stopped: true} }
		c.Sends = func() map[string]int64 { return map[string]int64{"sent": 7, "failed": 2} }
	})
	s.login()
	number := s.ride().Proxy
	proxy := number.Number.E164()
	s.textIn("one", "+447700900123", proxy, "Hello").wantStatus(200)
	s.textIn("one", "+447700900123", proxy, "Hello").wantStatus(200)
	s.textIn("two", "+447700900999", proxy, "Who are you?").wantStatus(200)
	s.textIn("three", "", "", "").wantStatus(400)
	s.post("/webhook?token=wrong", "id", "x").wantStatus(401)
	s.post("/webhook?token="+token, "body", strings.Repeat("x", 65<<10)).wantStatus(413)
	s.get("/webhook-voice?token=" + token + "&source=447700900123&destination=" + number.Number.Digits()).wantStatus(200)
	s.get("/webhook-voice?token=" + token + "&source=Restricted&destination=" + number.Number.Digits()).wantStatus(200)
	s.get("/webhook-status?token=" + token + "&reference=nobodys&status=delivered&id=x").wantStatus(200)

	page := s.metrics("Authorization", "Bearer measure").wantStatus(200).body
	for _, line := range []string{
		`birdcar_webhooks_total{kind="text",outcome="taken"} 3`,
		`birdcar_webhooks_total{kind="text",outcome="invalid"} 1`,
		`birdcar_webhooks_total{kind="text",outcome="refused"} 1`,
		`birdcar_webhooks_total{kind="text",outcome="too_large"} 1`,
		`birdcar_webhooks_total{kind="call",outcome="taken"} 2`,
		`birdcar_webhooks_total{kind="report",outcome="taken"} 1`,
		`birdcar_webhook_seconds_count{kind="call"} 2`,
		`birdcar_calls_total{answer="connected"} 1`,
		`birdcar_calls_total{answer="sentence"} 1`,
		`birdcar_calls_total{answer="apology"} 0`,
		`birdcar_texts_total{result="relayed"} 1`,
		`birdcar_texts_total{result="unrouted"} 1`,
		`birdcar_texts_total{result="repeated"} 1`,
		`birdcar_reports_total{result="unknown"} 1`,
		`birdcar_sends_total{outcome="sent"} 7`,
		`birdcar_sends_total{outcome="failed"} 2`,
		`birdcar_sending_paused 1`,
		`birdcar_queue_messages 3`, // two confirmations and the relayed text
		`birdcar_queue_oldest_seconds 0`,
		`birdcar_rides{state="open"} 1`,
		`birdcar_rides{state="lingering"} 0`,
		`birdcar_rides{state="closed"} 0`,
		`birdcar_pool_numbers{state="available"} 1`,
		`birdcar_pool_numbers{state="draining"} 0`,
		`birdcar_pool_numbers_in_use 1`,
		`birdcar_database_up 1`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	// Names and labels: the digits of a measured time may be anybody's.
	if leaked := regexp.MustCompile(`birdcar_[^ \n]*(7700|447|Ada|Ben|Hello|` + token + `)`).FindString(page); leaked != "" {
		t.Errorf("the metrics tell %s", leaked)
	}
}

// Without its database a scrape still says so.
func TestMetrics_withoutADatabase(t *testing.T) {
	s := newSite(t, func(c *server.Config) { c.MetricsToken = "measure" })
	if err := s.store.Close(); err != nil {
		t.Fatal(err)
	}
	s.get("/webhook-voice?token=" + token + "&" + callFrom).wantStatus(200)
	page := s.metrics("Authorization", "Bearer measure").wantStatus(200).body
	for _, line := range []string{ // an outage, not a stranger's call
		`birdcar_webhooks_total{kind="call",outcome="failed"} 1`,
		`birdcar_webhooks_total{kind="call",outcome="taken"} 0`,
		`birdcar_calls_total{answer="apology"} 1`,
		`birdcar_calls_total{answer="sentence"} 0`,
	} {
		if !strings.Contains(page, line+"\n") {
			t.Errorf("the metrics lack %s", line)
		}
	}
	if !strings.Contains(page, "birdcar_database_up 0\n") || strings.Contains(page, "birdcar_queue_messages ") {
		t.Error("the metrics do not say that the database is gone")
	}
}
