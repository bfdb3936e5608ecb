package simulator

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// maxCalls is how many calls are remembered; they are not kept between starts.
const maxCalls = 200

// ringFor is how long a phone rings before the call counts as not answered.
const ringFor = 45 * time.Second

// call is a call from a handset to one of BirdCar's numbers. Numbers are digits.
type call struct {
	id       string
	from, to string
	at       time.Time
	state    callState

	peer     string // whose phone rings
	shown    string // the caller id on it
	sentence string // what the caller hears instead
	problem  string // why neither happened
	answered bool
}

type callState string

const (
	dialling callState = "dialling" // BirdCar is being asked
	ringing  callState = "ringing"
	talking  callState = "talking"
	spoken   callState = "spoken" // the caller hears a sentence
	lost     callState = "lost"   // BirdCar gave no call flow
	ended    callState = "ended"
)

// live reports whether the call still shows on a phone at now.
func (c *call) live(now time.Time) bool {
	switch c.state {
	case dialling, talking, spoken, lost:
		return true
	case ringing:
		return now.Sub(c.at) < ringFor
	}
	return false
}

func (c *call) concerns(number string) bool { return c.from == number || c.peer == number }

// leaks reports whether the callee sees the caller's own number.
func (c *call) leaks() bool { return c.peer != "" && c.shown != c.to }

// dial calls to from the handset from: it asks BirdCar for the call flow and does
// what that says.
func (s *Simulator) dial(ctx context.Context, from, to string) {
	c := &call{id: newUUID(), from: from, to: to, at: s.cfg.Now(), state: dialling}
	s.mu.Lock()
	s.hangUpAll(from)
	s.calls = append(s.calls, c)
	s.calls = s.calls[max(0, len(s.calls)-maxCalls):]
	s.run = newRun(callRun)
	s.changed()
	s.mu.Unlock()

	flow, err := s.fetchFlow(ctx, c)

	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.state != dialling: // hung up meanwhile
	case err != nil:
		c.state, c.problem = lost, err.Error()
		s.run.refused(s.cfg.Now())
	case flow.say != "":
		c.state, c.sentence = spoken, flow.say
		s.run.answered(s.cfg.Now(), flow)
	default:
		s.hangUpAll(flow.transfer)
		c.state, c.peer, c.shown = ringing, flow.transfer, from
		if flow.mask {
			c.shown = to
		}
		s.run.answered(s.cfg.Now(), flow)
	}
	s.changed()
}

// hangUpAll ends the calls of a phone. The caller holds mu.
func (s *Simulator) hangUpAll(number string) {
	for _, c := range s.calls {
		if c.concerns(number) && c.live(s.cfg.Now()) && c.state != dialling {
			c.state = ended
		}
	}
}

// pickUp answers a ringing call.
func (s *Simulator) pickUp(id string) error {
	return s.moveCall(id, func(c *call) {
		if c.state == ringing {
			c.state, c.answered = talking, true
		}
	})
}

// hangUp ends a call, whoever asks.
func (s *Simulator) hangUp(id string) error {
	return s.moveCall(id, func(c *call) { c.state = ended })
}

func (s *Simulator) moveCall(id string, move func(*call)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.calls, func(c *call) bool { return c.id == id })
	if i < 0 {
		return masking.ErrNotFound
	}
	if s.calls[i].live(s.cfg.Now()) {
		move(s.calls[i])
		s.changed()
	}
	return nil
}

// fetchFlow asks BirdCar what to do with c, as the step "Fetch call flow from URL"
// of MessageBird's Flow Builder does.
func (s *Simulator) fetchFlow(ctx context.Context, c *call) (flow, error) {
	address := s.cfg.PublicURL + "/webhook-voice?token=" + url.QueryEscape(s.cfg.Token) + "&" + url.Values{
		"callID":      {c.id},
		"destination": {c.to},
		"numberID":    {newUUID()},
		"source":      {c.from},
		"variables":   {"{}"},
	}.Encode()
	answer, err := s.webhook(ctx, http.MethodGet, address, nil)
	if err != nil {
		return flow{}, err
	}
	return parseFlow(answer)
}

// flow is the part of a call flow that BirdCar uses. One of transfer and say is set.
type flow struct {
	transfer string // digits
	mask     bool   // show the number that was called instead of the caller's own
	say      string
}

// parseFlow reads the first step of a call flow. Call flows have no root element,
// so they are not quite XML documents.
func parseFlow(answer []byte) (flow, error) {
	decoder := xml.NewDecoder(bytes.NewReader(answer))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return flow{}, errors.New("BirdCar's answer holds no step of a call flow")
		} else if err != nil {
			return flow{}, errors.New("BirdCar's answer is not XML")
		}
		step, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch step.Name.Local {
		case "Transfer":
			to, err := masking.ParseCarrier(attribute(step, "destination"), "")
			if err != nil {
				return flow{}, errors.New("BirdCar's answer transfers the call to no number")
			}
			return flow{transfer: to.Digits(), mask: attribute(step, "mask") == "true"}, nil
		case "Say":
			var sentence string
			if err := decoder.DecodeElement(&sentence, &step); err != nil {
				return flow{}, errors.New("BirdCar's answer is not XML")
			}
			if sentence = strings.TrimSpace(sentence); sentence == "" {
				return flow{}, errors.New("BirdCar's answer says nothing")
			}
			return flow{say: sentence}, nil
		}
		return flow{}, errors.New("BirdCar's answer begins with a step that the simulator does not know")
	}
}

func attribute(step xml.StartElement, name string) string {
	for _, a := range step.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
