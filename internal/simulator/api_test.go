package simulator

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

func TestAPI_SendsAndFinds(t *testing.T) {
	s := newWorld(t).simulator(t)
	c := client(t, s, apiKey)

	id, err := c.Send(t.Context(), outgoing("ref-1", "Здравствуйте 🚗"))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := s.message(id)
	if !ok {
		t.Fatalf("the simulator does not have the message %q that it answered with", id)
	}
	if m.Body != "Здравствуйте 🚗" || m.Originator != proxy.Digits() || m.to() != ben.Number.Digits() ||
		m.Reference != "ref-1" || m.DataCoding != "unicode" || m.ReportURL == "" {
		t.Errorf("the text was kept as %+v", m)
	}
	found, err := c.Find(t.Context(), outgoing("ref-1", ""))
	if err != nil || found != id {
		t.Errorf("find: got %q, %v; want %q", found, err, id)
	}
	if _, err := c.Find(t.Context(), outgoing("ref-2", "")); !errors.Is(err, masking.ErrNotFound) {
		t.Errorf("find a reference that was never used: got %v, want %v", err, masking.ErrNotFound)
	}
}

func TestAPI_FindsAmongManyPages(t *testing.T) {
	s := newWorld(t).simulator(t)
	c := client(t, s, apiKey)
	first, err := c.Send(t.Context(), outgoing("the first", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	for range 65 {
		if _, err := c.Send(t.Context(), outgoing("another", "hello")); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c.Find(t.Context(), outgoing("the first", ""))
	if err != nil || found != first {
		t.Errorf("got %q, %v; want %q", found, err, first)
	}
}

func TestAPI_RefusesAsMessageBirdDoes(t *testing.T) {
	s := newWorld(t).simulator(t)

	var refused *masking.CarrierError
	_, err := client(t, s, "another key").Send(t.Context(), outgoing("r", "hello"))
	if !errors.As(err, &refused) || refused.Outcome != masking.Refused || refused.Code != 2 {
		t.Errorf("a wrong key: got %v, want a refusal with code 2", err)
	}
	c := client(t, s, apiKey)
	for name, m := range map[string]masking.Message{
		"1378 GSM characters":          outgoing("r", strings.Repeat("a", masking.MaxSeptets+1)),
		"604 Unicode characters":       outgoing("r", strings.Repeat("ж", masking.MaxUnits+1)),
		"a reference that is too long": outgoing(strings.Repeat("r", 129), "hello"),
	} {
		if _, err := c.Send(t.Context(), m); !errors.As(err, &refused) || refused.Outcome != masking.Rejected || refused.Code != 10 {
			t.Errorf("%s: got %v, want a rejection with code 10", name, err)
		}
	}
	for name, m := range map[string]masking.Message{
		"1377 GSM characters":    outgoing("r", strings.Repeat("a", masking.MaxSeptets)),
		"603 Unicode characters": outgoing("r", strings.Repeat("ж", masking.MaxUnits)),
	} {
		if _, err := c.Send(t.Context(), m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// callAPI makes a request with the right key.
func callAPI(s *Simulator, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, apiPath+path, strings.NewReader(body))
	r.Header.Set("Authorization", "AccessKey "+apiKey)
	w := httptest.NewRecorder()
	s.API().ServeHTTP(w, r)
	return w
}

func TestAPI_Errors(t *testing.T) {
	s := newWorld(t).simulator(t)
	many := `"447700900001"`
	for i := range 50 {
		many += `,"4477009001` + string(rune('0'+i/10)) + string(rune('0'+i%10)) + `"`
	}
	tests := map[string]struct {
		method, path, body string
		status, code       int
		parameter          string
	}{
		"no JSON":              {"POST", "/messages", "originator=1", 400, 21, ""},
		"no originator":        {"POST", "/messages", `{"body":"hi","recipients":["447700900202"]}`, 422, 9, "originator"},
		"a long name":          {"POST", "/messages", `{"originator":"BirdCarRides","body":"hi","recipients":["447700900202"]}`, 422, 10, "originator"},
		"no recipients":        {"POST", "/messages", `{"originator":"BirdCar","body":"hi","recipients":[]}`, 422, 9, "recipient"},
		"a recipient in words": {"POST", "/messages", `{"originator":"BirdCar","body":"hi","recipients":["Ben"]}`, 422, 9, "recipient"},
		"51 recipients":        {"POST", "/messages", `{"originator":"BirdCar","body":"hi","recipients":[` + many + `]}`, 422, 10, "recipient"},
		"no body":              {"POST", "/messages", `{"originator":"BirdCar","recipients":["447700900202"]}`, 422, 9, "body"},
		"an unknown message":   {"GET", "/messages/f91908b75f9e4b1fba3b96dc44995f03", "", 404, 20, ""},
		"an unknown address":   {"GET", "/balance", "", 404, 98, ""},
		"a limit in words":     {"GET", "/messages?limit=many", "", 422, 10, "limit"},
		"an offset below zero": {"GET", "/messages?offset=-1", "", 422, 10, "offset"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := callAPI(s, test.method, test.path, test.body)
			var got carrier.WireErrors
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Errors) != 1 {
				t.Fatalf("got %d %s, want one error", w.Code, w.Body)
			}
			if e := got.Errors[0]; w.Code != test.status || e.Code != test.code || e.Parameter != test.parameter || e.Description == "" {
				t.Errorf("got %d %+v; want %d, code %d, parameter %q", w.Code, e, test.status, test.code, test.parameter)
			}
		})
	}
	if _, total := s.list(filter{}, 0, 1); total != 0 {
		t.Errorf("%d texts were kept of requests that were refused", total)
	}
}

func TestAPI_ListFiltersNewestFirst(t *testing.T) {
	s := newWorld(t).simulator(t)
	c := client(t, s, apiKey)
	for _, body := range []string{"one", "two", "three"} {
		if _, err := c.Send(t.Context(), outgoing("r", body)); err != nil {
			t.Fatal(err)
		}
	}
	textFrom(t, s, ada.Number, proxy, "from a handset")

	bodies := func(query string) (bodies []string, list carrier.WireList) {
		w := callAPI(s, http.MethodGet, "/messages"+query, "")
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Items {
			bodies = append(bodies, m.Body)
		}
		return bodies, list
	}
	for query, want := range map[string]string{
		"":                         "from a handset three two one",
		"?direction=mt":            "three two one",
		"?originator=442079460001": "three two one",
		"?originator=%2B447700900101&direction=mo": "from a handset",
		"?status=delivered":                        "",
		"?direction=mt&limit=2":                    "three two",
		"?direction=mt&limit=2&offset=2":           "one",
	} {
		if got, _ := bodies(query); strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	_, list := bodies("?direction=mt&limit=2")
	if list.Count != 2 || list.TotalCount != 3 || list.Limit != 2 || list.Links.Next == nil || list.Links.Previous != nil {
		t.Errorf("the envelope is %+v", list)
	}
}

func TestAPI_PlainTextLosesWhatTheAlphabetLacks(t *testing.T) {
	s := newWorld(t).simulator(t)
	w := callAPI(s, http.MethodPost, "/messages", `{"originator":"BirdCar","body":"5 € Ж","recipients":["447700900202"]}`)
	if got := newest(s).Body; w.Code != http.StatusCreated || got != "5 € ?" {
		t.Errorf("got %d and kept %q", w.Code, got)
	}
}
