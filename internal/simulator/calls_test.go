package simulator

import (
	"net/http"
	"strings"
	"testing"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

func TestParseFlow(t *testing.T) {
	const declaration = `<?xml version="1.0" encoding="UTF-8"?>`
	tests := map[string]struct {
		answer string
		want   flow
		err    string
	}{
		"BirdCar's transfer": {
			answer: string(carrier.EncodeCallFlow(masking.CallFlow{Transfer: ben.Number})),
			want:   flow{transfer: "447700900202", mask: true},
		},
		"BirdCar's sentence": {
			answer: string(carrier.EncodeCallFlow(masking.CallFlow{Say: `"Ride" <ended> & gone`})),
			want:   flow{say: `"Ride" <ended> & gone`},
		},
		"the Go tutorial's transfer, which masks nothing": {
			answer: declaration + `<Transfer destination='447700900202' make='true' />`,
			want:   flow{transfer: "447700900202"},
		},
		"mask is false": {
			answer: declaration + `<Transfer destination="447700900202" mask="false" />`,
			want:   flow{transfer: "447700900202"},
		},
		"two steps side by side": {
			answer: declaration + `<Say language="en-GB" voice="female">Sorry.</Say><Hangup />`,
			want:   flow{say: "Sorry."},
		},
		"the Go tutorial's transfer to nobody": {answer: declaration + `<Transfer destination='' />`, err: "transfers the call to no number"},
		"an empty sentence":                    {answer: declaration + `<Say> </Say>`, err: "says nothing"},
		"another step":                         {answer: declaration + `<Hangup />`, err: "does not know"},
		"no step":                              {answer: declaration, err: "no step"},
		"nothing":                              {answer: "", err: "no step"},
		"not XML":                              {answer: `{"steps":[]}`, err: "no step"},
		"broken XML":                           {answer: declaration + `<Say>Sorry`, err: "not XML"},
		"broken further up":                    {answer: `< Transfer`, err: "not XML"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := parseFlow([]byte(test.answer))
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("got error %v, want %q", err, test.err)
			}
		})
	}
}

// onPhones dials from Ada's phone and shows both.
func onPhones(t *testing.T, answer string) (s *Simulator, look func() *phones) {
	t.Helper()
	w := newWorld(t)
	s = w.simulator(t)
	b := newBirdCar(t)
	b.answers(http.StatusOK, answer)
	b.start(t, s)
	s.dial(t.Context(), ada.Number.Digits(), proxy.Digits())
	if asked := b.webhooks(); len(asked.calls) != 1 || asked.calls[0].From != ada.Number || asked.calls[0].To != proxy ||
		!strings.Contains(asked.queries[0], "callID=") {
		t.Fatalf("BirdCar was asked about %+v with %q", asked.calls, asked.queries)
	}
	return s, func() *phones {
		c, ok := s.choose(choice{ride: 12}, w.rides)
		if !ok {
			t.Fatal("there are no phones")
		}
		return s.lay(c, w.rides)
	}
}

func transfer(to masking.Number) string {
	return string(carrier.EncodeCallFlow(masking.CallFlow{Transfer: to}))
}

func TestCall_RingsWithTheProxyNumber(t *testing.T) {
	s, look := onPhones(t, transfer(ben.Number))
	p := look()
	caller, callee := p.Left.Call, p.Right.Call
	if caller == nil || caller.Incoming || caller.State != ringing || caller.Callee != ben.Name || caller.Caller != proxy.Grouped() {
		t.Errorf("the caller's phone shows %+v", caller)
	}
	if callee == nil || !callee.Incoming || callee.State != ringing || callee.Caller != proxy.Grouped() || callee.Leaked {
		t.Fatalf("the other phone shows %+v", callee)
	}

	if err := s.pickUp(callee.ID); err != nil {
		t.Fatal(err)
	}
	if p := look(); p.Left.Call.State != talking || p.Right.Call.State != talking {
		t.Errorf("after the answer: %+v, %+v", p.Left.Call, p.Right.Call)
	}
	if err := s.hangUp(callee.ID); err != nil {
		t.Fatal(err)
	}
	p = look()
	if p.Left.Call != nil || p.Right.Call != nil {
		t.Errorf("after the end: %+v, %+v", p.Left.Call, p.Right.Call)
	}
	if len(p.Right.Items) != 1 || p.Right.Items[0].Body != "Call from "+proxy.Grouped() {
		t.Errorf("the other phone's log: %+v", p.Right.Items)
	}
}

func TestCall_DeclinedIsMissed(t *testing.T) {
	s, look := onPhones(t, transfer(ben.Number))
	if err := s.hangUp(look().Right.Call.ID); err != nil {
		t.Fatal(err)
	}
	p := look()
	if got := p.Left.Items[0].Body; got != "You called: not answered" {
		t.Errorf("the caller's log: %q", got)
	}
	if got := p.Right.Items[0].Body; got != "Missed call from "+proxy.Grouped() {
		t.Errorf("the other phone's log: %q", got)
	}
}

func TestCall_WithoutMaskIsALeak(t *testing.T) {
	_, look := onPhones(t, `<Transfer destination="447700900202" make="true" />`)
	p := look()
	if callee := p.Right.Call; callee == nil || !callee.Leaked || callee.Caller != ada.Number.Grouped() {
		t.Errorf("the other phone shows %+v", callee)
	}
	if p.Steps[3].State != wrong {
		t.Errorf("the last step is %+v", p.Steps[3])
	}
}

func TestCall_SentenceIsSpokenAndNobodyRings(t *testing.T) {
	_, look := onPhones(t, string(carrier.EncodeCallFlow(masking.CallFlow{Say: masking.SayUnknown})))
	p := look()
	if caller := p.Left.Call; caller == nil || caller.State != spoken || caller.Sentence != masking.SayUnknown {
		t.Errorf("the caller's phone shows %+v", caller)
	}
	if p.Right.Call != nil {
		t.Errorf("the other phone shows %+v", p.Right.Call)
	}
}

func TestCall_WithoutACallFlowIsLost(t *testing.T) {
	_, look := onPhones(t, "<html>")
	if caller := look().Left.Call; caller == nil || caller.State != lost || caller.Problem == "" {
		t.Errorf("the caller's phone shows %+v", caller)
	}
}
