package simulator

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"birdcar/internal/masking"
)

// maxShown is how many texts and calls of a thread a phone shows.
const maxShown = 100

// The data of the page and of its live part.

type page struct {
	Rides    []rideOption
	OfNoRide bool    // the phones are of none of Rides
	Phones   *phones // nil: there is nothing to choose from
	Left     otherPhone
	Right    otherPhone
	Notice   string
	Problem  string
}

// otherPhone is a field of the form that chooses other phones.
type otherPhone struct {
	Side    string // left or right
	Typed   string
	Problem string
	Focus   bool // the first field with a problem
}

type rideOption struct {
	ID       int64
	Label    string
	Selected bool
}

type phones struct {
	Query       string // of this choice, for reloading the phones
	Left, Right phone
	Between     string // the number both threads go through; empty: two different ones
	Idle        bool   // nothing has happened yet
	Steps       [4]step
}

type phone struct {
	Side     string // left or right
	Name     string
	Role     masking.Role // empty: of no ride
	Initials string
	Number   masking.Number
	Digits   string
	Threads  []threadTab
	To       string // the other end of the thread shown: digits, or a name
	ToLabel  string
	Items    []item
	Call     *callView // on now
	Draft    string
	Hidden   []hidden // the choice, for the phone's forms
}

type hidden struct{ Name, Value string }

type threadTab struct {
	Label   string
	Path    string
	Current bool
	Unread  int
}

// item is a text or a finished call in a thread.
type item struct {
	ID      string
	Kind    itemKind
	Body    string
	From    string // whom it came from, for in
	At      time.Time
	Status  status // of out
	Problem string
}

type itemKind string

const (
	textIn  itemKind = "in"
	textOut itemKind = "out"
	callRow itemKind = "call"
)

// callView is a call that is on, as one of its two phones shows it.
type callView struct {
	ID       string
	State    callState
	Incoming bool
	Caller   string // the caller id on the callee's phone
	Leaked   bool   // and it is the caller's own number
	Callee   string // for the caller: who it rings at
	Sentence string
	Problem  string
}

// thread is the texts between a phone and a number it knows.
type thread struct{ phone, other string }

// lay puts the two phones of a complete choice on the table, as they are now.
func (s *Simulator) lay(c choice, rides []masking.Ride) *phones {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.threads(c.left, rides)
	right := s.threads(c.right, rides)
	// A stranger's phone knows no number yet: let it try the other's, and two strangers
	// those of the rides.
	if len(left) == 0 {
		left = right
	}
	if len(left) == 0 {
		left = proxies(rides)
	}
	if len(right) == 0 {
		right = left
	}
	natural := ""
	for _, r := range rides {
		if r.ID == c.ride {
			natural = r.Proxy.Number.Digits()
		}
	}
	pick := func(chosen string, known []string) string {
		if chosen == "" && slices.Contains(known, natural) {
			return natural
		} else if chosen == "" && len(known) > 0 {
			return known[0]
		}
		return chosen
	}
	c.leftThread = pick(c.leftThread, left)
	c.rightThread = pick(c.rightThread, right)

	p := &phones{Query: c.values().Encode(), Steps: s.run.steps, Idle: s.run.kind == ""}
	if c.leftThread == c.rightThread {
		p.Between = s.label(c.leftThread)
	}
	if p.Idle {
		p.Steps = newRun(textRun).steps
	}
	p.Left = s.phone(c, "left", c.left, c.leftThread, left)
	p.Right = s.phone(c, "right", c.right, c.rightThread, right)
	return p
}

// threads are the other ends that a phone knows, the newest first: of the texts it
// got and sent, and of its current rides. The caller holds mu.
func (s *Simulator) threads(owner masking.Number, rides []masking.Ride) []string {
	var known []string
	add := func(other string) {
		if !slices.Contains(known, other) {
			known = append(known, other)
		}
	}
	for _, r := range rides {
		if r.Customer.Number == owner || r.Driver.Number == owner {
			add(r.Proxy.Number.Digits())
		}
	}
	for _, m := range slices.Backward(s.messages) {
		if other, _, ok := m.seenBy(owner.Digits()); ok {
			add(other)
		}
	}
	return known
}

// proxies are the numbers of the rides, each once.
func proxies(rides []masking.Ride) []string {
	var numbers []string
	for _, r := range rides {
		if number := r.Proxy.Number.Digits(); !slices.Contains(numbers, number) {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// seenBy is the other end of m on a phone, and whether m came in there.
func (m *message) seenBy(phone string) (other string, in, ok bool) {
	switch {
	case m.Direction == fromHandset && m.Originator == phone:
		return m.to(), false, true
	case m.Direction == toHandset && m.goesTo(phone):
		return m.Originator, true, true
	}
	return "", false, false
}

// phone draws one phone. The thread it shows counts as read. The caller holds mu.
func (s *Simulator) phone(c choice, side string, owner masking.Number, to string, known []string) phone {
	digits := owner.Digits()
	who := s.people[digits]
	p := phone{
		Side: side, Number: owner, Digits: digits,
		Name: who.name, Role: who.role, Initials: initials(who.name),
		To: to, ToLabel: s.label(to),
	}
	if p.Name == "" {
		p.Name = "A stranger"
	}
	for name, value := range c.values() {
		p.Hidden = append(p.Hidden, hidden{name, value[0]})
	}
	slices.SortFunc(p.Hidden, func(a, b hidden) int { return strings.Compare(a.Name, b.Name) })

	if !slices.Contains(known, to) && to != "" {
		known = append(known, to)
	}
	arrived := make(map[string]int)
	for _, m := range s.messages {
		other, in, ok := m.seenBy(digits)
		if !ok {
			continue
		}
		if in {
			arrived[other]++
		}
		if other == to {
			p.Items = append(p.Items, textItem(m, p.ToLabel, in))
		}
	}
	s.read[thread{digits, to}] = arrived[to]
	for _, call := range s.calls {
		if !call.concerns(digits) {
			continue
		}
		if call.live(s.cfg.Now()) {
			p.Call = s.callView(call, digits)
		} else if row, other := s.callItem(call, digits); other == to {
			p.Items = append(p.Items, row)
		}
	}
	slices.SortStableFunc(p.Items, func(a, b item) int { return a.At.Compare(b.At) })
	p.Items = p.Items[max(0, len(p.Items)-maxShown):]

	for _, other := range known {
		path := c
		if side == "left" {
			path.leftThread = other
		} else {
			path.rightThread = other
		}
		p.Threads = append(p.Threads, threadTab{
			Label: s.label(other), Path: path.path(), Current: other == to,
			Unread: max(0, arrived[other]-s.read[thread{digits, other}]),
		})
	}
	return p
}

func textItem(m *message, other string, in bool) item {
	if in {
		return item{ID: m.ID, Kind: textIn, Body: m.Body, From: other, At: m.Created}
	}
	return item{ID: m.ID, Kind: textOut, Body: m.Body, At: m.Created, Status: m.Recipients[0].Status, Problem: m.Problem}
}

// callItem is a finished call in the phone's thread with other.
func (s *Simulator) callItem(c *call, phone string) (row item, other string) {
	row = item{ID: c.id, Kind: callRow, At: c.at}
	if c.peer == phone && c.from != phone {
		row.Body = "Missed call from " + s.label(c.shown)
		if c.answered {
			row.Body = "Call from " + s.label(c.shown)
		}
		return row, c.to
	}
	switch {
	case c.problem != "":
		row.Body = "Call not connected: " + c.problem
	case c.sentence != "":
		row.Body = "You called and heard: “" + c.sentence + "”"
	case c.answered:
		row.Body = "You called"
	default:
		row.Body = "You called: not answered"
	}
	return row, c.to
}

func (s *Simulator) callView(c *call, phone string) *callView {
	v := &callView{
		ID: c.id, State: c.state, Incoming: c.peer == phone && c.from != phone,
		Caller: s.label(c.to), Sentence: c.sentence, Problem: c.problem,
	}
	if c.peer != "" {
		v.Caller, v.Leaked = s.label(c.shown), c.leaks()
		v.Callee = s.label(c.peer)
		if who := s.people[c.peer]; who.name != "" {
			v.Callee = who.name
		}
	}
	return v
}

// label is a number grouped for reading, or an alphanumeric originator as it is.
func (s *Simulator) label(digits string) string {
	if n, err := masking.ParseCarrier(digits, s.cfg.Country); err == nil {
		return n.Grouped()
	}
	return digits
}

// initials are the first letters of a name's first and last words that have any.
func initials(name string) string {
	var letters []rune
	for _, word := range strings.Fields(name) {
		if i := strings.IndexFunc(word, unicode.IsLetter); i >= 0 {
			r, _ := utf8.DecodeRuneInString(word[i:])
			letters = append(letters, unicode.ToUpper(r))
		}
	}
	switch len(letters) {
	case 0:
		return "?"
	case 1, 2:
		return string(letters)
	}
	return string([]rune{letters[0], letters[len(letters)-1]})
}
