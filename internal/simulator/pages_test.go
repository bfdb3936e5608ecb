package simulator

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

func get(s *Simulator, path string) (status int, body string) {
	w := httptest.NewRecorder()
	s.Pages().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w.Code, w.Body.String()
}

func post(s *Simulator, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.Pages().ServeHTTP(w, r)
	return w
}

// fields is a phone's form as its page posts it.
func fields(from, to masking.Number, more ...string) url.Values {
	v := url.Values{"ride": {"12"}, "left": {ada.Number.Digits()}, "right": {ben.Number.Digits()},
		"from": {from.Digits()}, "to": {to.Digits()}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func wants(t *testing.T, body string, fragments ...string) {
	t.Helper()
	for _, fragment := range fragments {
		if !strings.Contains(body, fragment) {
			t.Errorf("the page lacks %q", fragment)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

func TestPage_WithoutRides(t *testing.T) {
	w := newWorld(t)
	w.setRides()
	status, body := get(w.simulator(t), "/simulator")
	if status != http.StatusOK {
		t.Errorf("got %d", status)
	}
	wants(t, body, "Create a ride first", `href="/#new-ride"`)
}

func TestPage_ShowsBothPhonesOfTheNewestRide(t *testing.T) {
	s := newWorld(t).simulator(t)
	_, body := get(s, "/simulator")
	wants(t, body, "Ride 12: Ada Lovelace ↔ Ben Nevis", "Ada Lovelace", "Ben Nevis", "&#43;44 7700 900101", "&#43;44 7700 900202",
		"&#43;44 20 7946 0001", "No texts in this thread yet.", "What just happened in the server", "Webhook in", "Delivered")
}

// Whoever is on both lists is on the table as what they are in the chosen ride.
func TestPage_SomebodyOnBothLists(t *testing.T) {
	w := newWorld(t)
	other := ride()
	other.ID = 13
	other.Customer = masking.Party{Role: masking.Customer, Name: "Ben as a customer", Number: ben.Number}
	other.Driver = masking.Party{Role: masking.Driver, Name: "Ada as a driver", Number: ada.Number}
	w.setRides(ride(), other)
	s := w.simulator(t)
	for path, want := range map[string][]string{
		"/simulator?ride=12": {">Ada Lovelace</h2>", ">Ben Nevis</h2>"},
		"/simulator?ride=13": {">Ben as a customer</h2>", ">Ada as a driver</h2>"},
	} {
		_, body := get(s, path)
		wants(t, body, want...)
	}
}

func TestInitials(t *testing.T) {
	for name, want := range map[string]string{
		"Ada Lovelace": "AL", "ada": "A", "Zoë von der Élysée": "ZÉ", "محمد عبد (الرياض)": "ما", "\u200fAda “Lady” Lovelace (2)": "AL", "007": "?", "": "?",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestPage_TextsAreShownEscapedFromTheProxyNumber(t *testing.T) {
	s := newWorld(t).simulator(t)
	if _, err := client(t, s, apiKey).Send(t.Context(), outgoing("r", `<script>alert("hi")</script>`)); err != nil {
		t.Fatal(err)
	}
	_, body := get(s, "/simulator/phones?ride=12")
	wants(t, body, "&lt;script&gt;alert(&#34;hi&#34;)&lt;/script&gt;", `from <span class="number">&#43;44 20 7946 0001</span>`)
	if strings.Contains(body, "<script>") {
		t.Error("a text is not escaped")
	}
	if strings.Contains(body, "<html") || strings.Contains(body, "Use other phones") {
		t.Error("the part holds more than the phones")
	}
}

func TestPage_TextGoesOutAndComesBack(t *testing.T) {
	s := newWorld(t).simulator(t)
	b := newBirdCar(t)
	b.start(t, s)
	w := post(s, "/simulator/text", fields(ada.Number, proxy, "body", "line one\r\nline two "))
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/simulator?") {
		t.Fatalf("got %d to %q", w.Code, w.Header().Get("Location"))
	}
	eventually(t, s, "BirdCar has it", func() bool { return newest(s).Recipients[0].Status == delivered })
	if got := b.webhooks().texts[0].Body; got != "line one\nline two" {
		t.Errorf("BirdCar got %q", got)
	}
	_, body := get(s, w.Header().Get("Location"))
	wants(t, body, "line one\nline two", "· sent")
}

func TestPage_AWrongTextKeepsTheDraft(t *testing.T) {
	s := newWorld(t).simulator(t)
	long := strings.Repeat("long ", 400)
	w := post(s, "/simulator/text", fields(ben.Number, proxy, "body", long))
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("got %d", w.Code)
	}
	wants(t, w.Body.String(), "too long for a phone", strings.TrimSpace(long)+"</textarea>")
	if w := post(s, "/simulator/text", fields(ben.Number, proxy, "body", " ")); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an empty text: got %d", w.Code)
	}
	if w := post(s, "/simulator/text", url.Values{"body": {"hi"}}); w.Code != http.StatusBadRequest {
		t.Errorf("a text from nobody: got %d", w.Code)
	}
	if w := post(s, "/simulator/text", fields(ben.Number, proxy, "body", strings.Repeat("x", maxBody))); w.Code != http.StatusBadRequest {
		t.Errorf("a huge form: got %d", w.Code)
	}
	if _, total := s.list(filter{}, 0, 1); total != 0 {
		t.Errorf("%d texts were sent", total)
	}
}

func TestPage_ATextThatBirdCarRefusedCanBeTriedAgain(t *testing.T) {
	s := newWorld(t).simulator(t)
	b := newBirdCar(t)
	b.answers(http.StatusInternalServerError, "")
	s.pace.retries = nil
	b.start(t, s)
	id := textFrom(t, s, ada.Number, proxy, "hello")
	eventually(t, s, "it is refused", func() bool { return newest(s).Problem != "" })
	_, body := get(s, "/simulator/phones?ride=12")
	wants(t, body, "Not delivered to BirdCar: BirdCar answered 500", "Try again", "Webhook refused")

	b.answers(http.StatusOK, "OK")
	if w := post(s, "/simulator/retry", url.Values{"id": {id}, "ride": {"12"}}); w.Code != http.StatusSeeOther {
		t.Errorf("got %d", w.Code)
	}
	eventually(t, s, "it is taken", func() bool { return newest(s).Recipients[0].Status == delivered })
}

func TestPage_CallRingsIsAnsweredAndEnds(t *testing.T) {
	s := newWorld(t).simulator(t)
	b := newBirdCar(t)
	b.answers(http.StatusOK, transfer(ben.Number))
	b.start(t, s)
	if w := post(s, "/simulator/call", fields(ada.Number, proxy)); w.Code != http.StatusSeeOther {
		t.Fatalf("got %d", w.Code)
	}
	_, body := get(s, "/simulator/phones?ride=12")
	wants(t, body, "Incoming call", `id="right-caller-id">&#43;44 20 7946 0001<`, "Rings at <bdi>Ben Nevis</bdi>", "Answer", "Decline", "Hang up")

	id := url.Values{"id": {s.calls[0].id}}
	post(s, "/simulator/answer", id)
	_, body = get(s, "/simulator/phones?ride=12")
	wants(t, body, "You are talking with <bdi>Ben Nevis</bdi>")
	post(s, "/simulator/hangup", id)
	_, body = get(s, "/simulator/phones?ride=12")
	wants(t, body, "Call from &#43;44 20 7946 0001", "You called")
}

func TestPage_TheOtherKindsOfCallsRender(t *testing.T) {
	for name, test := range map[string]struct{ answer, want string }{
		"a leak":       {`<Transfer destination="447700900202"/>`, "handset-call-leaked"},
		"a sentence":   {`<Say>This ride has ended.</Say>`, "<blockquote>This ride has ended.</blockquote>"},
		"no call flow": {``, "Call not connected"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newWorld(t).simulator(t)
			b := newBirdCar(t)
			b.answers(http.StatusOK, test.answer)
			b.start(t, s)
			post(s, "/simulator/call", fields(ada.Number, proxy))
			_, body := get(s, "/simulator?ride=12")
			wants(t, body, test.want)
		})
	}
}

func TestPage_PhonesStayWhenTheirRideIsOver(t *testing.T) {
	w := newWorld(t)
	s := w.simulator(t)
	textFrom(t, s, ada.Number, proxy, "before the end")
	_, body := get(s, "/simulator?ride=12")
	_, query, _ := strings.Cut(body, `data-query="`)
	query, _, _ = strings.Cut(query, `"`)
	query = strings.ReplaceAll(query, "&amp;", "&")

	w.setRides()
	_, body = get(s, "/simulator/phones?"+query)
	wants(t, body, "Ada Lovelace", "Ben Nevis", "before the end")

	other := ride()
	other.ID = 13
	w.setRides(other)
	_, body = get(s, "/simulator?ride=12")
	wants(t, body, "Ride 12 is over")
}

func TestPage_OtherPhones(t *testing.T) {
	s := newWorld(t).simulator(t)
	_, body := get(s, "/simulator?left=07700+900+333&right="+ben.Number.Digits())
	wants(t, body, "A stranger", "&#43;44 7700 900333", "Ben Nevis", `name="to" value="442079460001"`)
	status, body := get(s, "/simulator?left=nobody&right=447700900202")
	if status != http.StatusUnprocessableEntity {
		t.Errorf("got %d", status)
	}
	wants(t, body, `<details class="sim-other" open>`, `<p class="problem" id="left-number-problem">This is not a phone number.`,
		`name="left" value="nobody"`, `aria-describedby="left-number-problem" autofocus>`)
	if strings.Contains(body, "right-number-problem") {
		t.Error("the other field is marked too")
	}
	_, body = get(s, "/simulator?left=447700900101&right=nobody")
	wants(t, body, `name="right" value="nobody"`, `aria-describedby="right-number-problem" autofocus>`)
	w := newWorld(t)
	w.setRides()
	if status, _ := get(w.simulator(t), "/simulator/phones"); status != http.StatusNotFound {
		t.Errorf("phones without rides: got %d", status)
	}
}

// Two strangers can try the numbers of the rides.
func TestPage_Strangers(t *testing.T) {
	w := newWorld(t)
	other := ride()
	other.ID, other.Proxy.Number = 13, number("442079460002")
	w.setRides(other, ride(), ride())
	s := w.simulator(t)
	_, body := get(s, "/simulator?left=07700+900333&right=07700+900444")
	wants(t, body, `id="left-body"`, `id="right-body"`, `name="to" value="442079460002"`, "Call &#43;44 20 7946 0002")
	if got := strings.Count(body, `left-thread=442079460001`); got != 1 {
		t.Errorf("the other ride's number is offered %d times on the left", got)
	}
}

func TestPage_UnreadTextsOfOtherThreads(t *testing.T) {
	s := newWorld(t).simulator(t)
	c := client(t, s, apiKey)
	m := outgoing("r", "from another ride")
	m.From = number("442079460002")
	for range 2 {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	_, body := get(s, "/simulator/phones?ride=12")
	wants(t, body, `<span class="handset-unread">2<`)
	if strings.Contains(body, "from another ride") {
		t.Error("the text shows in the wrong thread")
	}
	_, body = get(s, "/simulator/phones?ride=12&right-thread=442079460002")
	wants(t, body, "from another ride")
	_, body = get(s, "/simulator/phones?ride=12")
	if strings.Contains(body, "handset-unread") {
		t.Error("a text that was shown still counts as unread")
	}
}

func TestEvents_TellOfEachChange(t *testing.T) {
	w := newWorld(t)
	s := w.simulator(t)
	server := httptest.NewServer(s.Pages())
	defer server.Close()
	response, err := http.Get(server.URL + "/simulator/events")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if got := response.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got content type %q", got)
	}
	lines := bufio.NewScanner(response.Body)
	until := func(want string) {
		t.Helper()
		for lines.Scan() {
			if lines.Text() == want {
				return
			}
		}
		t.Fatalf("the stream ended before %q: %v", want, lines.Err())
	}
	until("retry: 1000")
	textFrom(t, s, ada.Number, proxy, "hello")
	until("event: changed")

	// The server's own events light the steps.
	newBirdCar(t).start(t, s)
	w.events <- masking.Event{Kind: masking.TextIn, At: s.cfg.Now(), RideID: 12}
	eventually(t, s, "the first step is lit", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.run.steps[0].State == done
	})

	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() { // ends with the simulator, so that nothing waits for open pages
	}
}
