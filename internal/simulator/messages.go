package simulator

import (
	"crypto/rand"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// message is a text as the carrier keeps it.
type message struct {
	ID         string      `json:"id"`
	Direction  direction   `json:"direction"`
	Originator string      `json:"originator"`
	Recipients []recipient `json:"recipients"`
	Body       string      `json:"body"`
	Type       string      `json:"type"`
	DataCoding string      `json:"datacoding"`
	Reference  string      `json:"reference,omitempty"`
	ReportURL  string      `json:"reportUrl,omitempty"`
	Created    time.Time   `json:"created"`
	Problem    string      `json:"problem,omitempty"` // why BirdCar did not take a handset's text
}

// direction is seen from the handsets, as MessageBird names it.
type direction string

const (
	toHandset   direction = "mt" // mobile terminated: BirdCar sent it
	fromHandset direction = "mo" // mobile originated: a handset sent it
)

// recipient is one whom a text goes to. Numbers are digits without a +.
type recipient struct {
	Number   string    `json:"number"`
	Status   status    `json:"status"`
	StatusAt time.Time `json:"statusAt"`
}

type status string

// A text is sent from the start, and delivered once its delivery was reported or,
// from a handset, once BirdCar took it.
const (
	sent      status = "sent"
	delivered status = "delivered"
	failed    status = "delivery_failed"
)

func (m *message) whole() bool {
	return m.ID != "" && m.Direction != "" && len(m.Recipients) > 0
}

func (m *message) to() string { return m.Recipients[0].Number }

func (m *message) goesTo(number string) bool {
	return slices.ContainsFunc(m.Recipients, func(r recipient) bool { return r.Number == number })
}

func (m *message) copy() message {
	c := *m
	c.Recipients = slices.Clone(m.Recipients)
	return c
}

// keep takes a new text: once it returns nil the text is in the file, shown on the
// handsets, and its webhooks will be posted.
func (s *Simulator) keep(m message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.journal.append(&m); err != nil {
		return err
	}
	s.messages = append(s.messages, &m)
	s.byID[m.ID] = &m
	if len(s.messages) > maxKept {
		delete(s.byID, s.messages[0].ID)
		s.messages = s.messages[1:]
	}
	if m.Direction == fromHandset {
		s.run = newRun(textRun)
	}
	s.schedule(&m)
	s.changed()
	return nil
}

// settle records what became of a text for one of its recipients. A text that was
// forgotten meanwhile is left alone.
func (s *Simulator) settle(id, to string, is status, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.byID[id]; m != nil {
		s.set(m, to, is, problem)
	}
}

// set is settle for callers that hold mu.
func (s *Simulator) set(m *message, to string, is status, problem string) {
	m.Problem = problem
	for i := range m.Recipients {
		if m.Recipients[i].Number == to {
			m.Recipients[i].Status, m.Recipients[i].StatusAt = is, s.cfg.Now()
		}
	}
	s.changed()
	// The handsets are right already; a line that is missing only means that a
	// later start posts the webhook again.
	err := s.journal.append(m)
	if err == nil && s.journal.lines > 4*maxKept {
		err = s.journal.rewrite(s.messages)
	}
	if err != nil {
		s.cfg.Log.Warn("the simulator's file cannot be written", "err", err)
	}
}

// retry posts a text again that BirdCar did not take.
func (s *Simulator) retry(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.byID[id]
	if m == nil || m.Direction != fromHandset || m.Recipients[0].Status != failed {
		return masking.ErrNotFound
	}
	s.run = newRun(textRun)
	s.set(m, m.to(), sent, "")
	s.schedule(m)
	return nil
}

// schedule queues the webhooks that m still needs. The caller holds mu.
func (s *Simulator) schedule(m *message) {
	for _, r := range m.Recipients {
		switch {
		case r.Status != sent:
		case m.Direction == fromHandset:
			s.inbound.put(job{id: m.ID, to: r.Number, due: time.Now()})
		default:
			s.outbound.put(job{id: m.ID, to: r.Number, due: time.Now().Add(s.pace.report)})
		}
	}
}

func (s *Simulator) message(id string) (message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, ok := s.byID[id]
	if !ok {
		return message{}, false
	}
	return m.copy(), true
}

// filter chooses among the texts; an empty field chooses all.
type filter struct {
	originator string
	direction  direction
	status     status
}

func (f filter) takes(m *message) bool {
	return (f.originator == "" || m.Originator == f.originator) &&
		(f.direction == "" || m.Direction == f.direction) &&
		(f.status == "" || slices.ContainsFunc(m.Recipients, func(r recipient) bool { return r.Status == f.status }))
}

// list is a page of the texts that f takes, newest first, and how many it takes in all.
func (s *Simulator) list(f filter, offset, limit int) (page []message, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range slices.Backward(s.messages) {
		if !f.takes(m) {
			continue
		}
		if total >= offset && len(page) < limit {
			page = append(page, m.copy())
		}
		total++
	}
	return page, total
}

// newID is an id as MessageBird makes them: 32 hex digits.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// newUUID is an id as MessageBird's voice API makes them.
func newUUID() string {
	id := newID()
	return strings.Join([]string{id[:8], id[8:12], id[12:16], id[16:20], id[20:]}, "-")
}
