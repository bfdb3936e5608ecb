package simulator

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

// birdcar is the other side of the webhooks: it checks and reads each one as the
// server does, and answers with what answer says.
type birdcar struct {
	t        *testing.T
	verifier *carrier.Verifier
	status   int // of the answer to every webhook
	body     string

	mu   sync.Mutex
	seen webhooks
}

// webhooks are what BirdCar was sent.
type webhooks struct {
	texts   []masking.Text
	calls   []masking.Call
	reports []masking.Report
	forms   []string
	queries []string
	times   []time.Time
}

func (b *birdcar) webhooks() webhooks {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// answers makes b answer every webhook so.
func (b *birdcar) answers(status int, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status, b.body = status, body
}

func newBirdCar(t *testing.T) *birdcar {
	t.Helper()
	verifier, err := carrier.NewVerifier(signingKey, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return &birdcar{t: t, verifier: verifier, status: http.StatusOK, body: "OK"}
}

func (b *birdcar) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		b.t.Error(err)
	}
	b.seen.times = append(b.seen.times, time.Now())
	if _, err := b.verifier.Verify(r.Header.Get(carrier.SignatureHeader), publicURL+r.URL.RequestURI(), body); err != nil {
		b.t.Errorf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	b.seen.queries = append(b.seen.queries, r.URL.RawQuery)
	switch r.Method + " " + r.URL.Path {
	case "POST /webhook":
		text, err := carrier.ParseText(r.Header.Get("Content-Type"), body, "GB")
		if err != nil {
			b.t.Error(err)
		}
		b.seen.texts, b.seen.forms = append(b.seen.texts, text), append(b.seen.forms, string(body))
	case "GET /webhook-voice":
		call, err := carrier.ParseCall(r.URL.Query(), "GB")
		if err != nil {
			b.t.Error(err)
		}
		b.seen.calls = append(b.seen.calls, call)
	case "GET /webhook-status":
		report, err := carrier.ParseReport(r.URL.Query())
		if err != nil {
			b.t.Error(err)
		}
		b.seen.reports = append(b.seen.reports, report)
	default:
		b.t.Errorf("an unknown webhook: %s %s", r.Method, r.URL.Path)
	}
	w.WriteHeader(b.status)
	_, _ = io.WriteString(w, b.body)
}

// start connects s with b over loopback.
func (b *birdcar) start(t *testing.T, s *Simulator) {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	s.pace.report = 0
	s.Start(t.Context(), server.URL)
}

// inside connects s with b without a network, for tests in a bubble of time.
func (b *birdcar) inside(t *testing.T, s *Simulator) {
	t.Helper()
	s.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		r.RequestURI = r.URL.RequestURI()
		b.ServeHTTP(w, r)
		return w.Result(), nil
	})
	s.Start(t.Context(), "http://127.0.0.1:1")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestText_ReachesBirdCarAsMessageBirdSendsIt(t *testing.T) {
	s := newWorld(t).simulator(t)
	b := newBirdCar(t)
	b.start(t, s)
	id := textFrom(t, s, ada.Number, proxy, "I'm at the café & bar\nЯ тут 🚗")
	eventually(t, s, "the text is taken", func() bool { return newest(s).Recipients[0].Status == delivered })

	seen := b.webhooks()
	want := masking.Text{CarrierID: id, From: ada.Number, To: proxy, Body: "I'm at the café & bar\nЯ тут 🚗"}
	got := seen.texts[0]
	if want.Created = got.Created; got != want || got.Created == "" {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if seen.queries[0] != "token=a%2Btoken%2Fwith%3Dsigns" {
		t.Errorf("the query is %q", seen.queries[0])
	}
	// The fields of the capture in MessageBird's Go tutorial, all of them.
	for field := range strings.FieldsSeq(`message_id originator reference createdDatetime id message receiver
		body date payload sender date_utc recipient`) {
		if !strings.Contains("&"+seen.forms[0], "&"+field+"=") {
			t.Errorf("the form lacks %q", field)
		}
	}
}

func TestText_IsTriedAgainThenShownAsNotDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWorld(t).simulator(t)
		b := newBirdCar(t)
		b.answers(http.StatusServiceUnavailable, "busy")
		b.inside(t, s)
		began := time.Now()
		id := textFrom(t, s, ada.Number, proxy, "hello")

		time.Sleep(time.Minute)
		synctest.Wait()
		var after []time.Duration
		for _, at := range b.webhooks().times {
			after = append(after, at.Sub(began))
		}
		want := []time.Duration{0, 500 * time.Millisecond, 2500 * time.Millisecond, 7500 * time.Millisecond}
		if !slices.Equal(after, want) {
			t.Errorf("tried after %v, want %v", after, want)
		}
		m, _ := s.message(id)
		if m.Recipients[0].Status != failed || m.Problem != "BirdCar answered 503 Service Unavailable" {
			t.Errorf("got status %q, problem %q", m.Recipients[0].Status, m.Problem)
		}

		b.answers(http.StatusOK, "OK")
		if err := s.retry(id); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		m, _ = s.message(id)
		if m.Recipients[0].Status != delivered || m.Problem != "" {
			t.Errorf("after the retry: got status %q, problem %q", m.Recipients[0].Status, m.Problem)
		}
		seen := b.webhooks()
		if seen.texts[0].CarrierID != seen.texts[len(seen.texts)-1].CarrierID {
			t.Error("a repeated webhook has another id, so that BirdCar would deliver the text twice")
		}
		if err := s.retry(id); err == nil {
			t.Error("a text that was taken can be sent again")
		}
	})
}

func TestReport_FollowsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWorld(t).simulator(t)
		b := newBirdCar(t)
		b.inside(t, s)
		order := `{"originator":"442079460001","recipients":["447700900202"],"body":"hi","reference":"ref-1",` +
			`"reportUrl":"` + publicURL + `/webhook-status?token=secret"}`
		callAPI(s, http.MethodPost, "/messages", order)
		callAPI(s, http.MethodPost, "/messages", strings.Replace(order, "ref-1", "", 1))
		callAPI(s, http.MethodPost, "/messages", strings.Replace(order, "ref-1", "ref-3", 1))
		synctest.Wait()
		if len(b.webhooks().reports) != 0 {
			t.Error("a delivery was reported before the carrier had time to deliver")
		}
		time.Sleep(300 * time.Millisecond)
		synctest.Wait()

		seen := b.webhooks()
		var references []string
		for _, r := range seen.reports {
			references = append(references, r.Reference)
			if m, ok := s.message(r.CarrierID); !ok || m.Reference != r.Reference || r.State != masking.Delivered {
				t.Errorf("a report tells of %+v", r)
			}
		}
		if !slices.Equal(references, []string{"ref-1", "ref-3"}) {
			t.Errorf("reported %v, want the texts with a reference in their order", references)
		}
		texts, _ := s.list(filter{}, 0, 3)
		for _, m := range texts {
			if m.Recipients[0].Status != delivered {
				t.Errorf("a text is %q, want %q", m.Recipients[0].Status, delivered)
			}
		}
		for field := range strings.FieldsSeq(`token id reference recipient status statusReason statusErrorCode statusDatetime
			datacoding mccmnc messageLength messagePartCount ported price%5Bamount%5D price%5Bcurrency%5D`) {
			if !strings.Contains("&"+seen.queries[0], "&"+field+"=") {
				t.Errorf("the report lacks %q", field)
			}
		}
	})
}

func TestStart_PostsWhatAnEarlierRunLeft(t *testing.T) {
	w := newWorld(t)
	w.cfg.File = filepath.Join(t.TempDir(), "texts.jsonl")
	first := w.simulator(t)
	if _, err := client(t, first, apiKey).Send(t.Context(), outgoing("ref-1", "to the handset")); err != nil {
		t.Fatal(err)
	}
	textFrom(t, first, ada.Number, proxy, "to BirdCar")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := w.simulator(t)
	b := newBirdCar(t)
	b.start(t, second)
	eventually(t, second, "both are settled", func() bool {
		settled, _ := second.list(filter{status: delivered}, 0, 2)
		return len(settled) == 2
	})
	seen := b.webhooks()
	if len(seen.texts) != 1 || seen.texts[0].Body != "to BirdCar" || len(seen.reports) != 1 || seen.reports[0].Reference != "ref-1" {
		t.Errorf("posted texts %+v and reports %+v", seen.texts, seen.reports)
	}
}
