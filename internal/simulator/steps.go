package simulator

import (
	"time"

	"birdcar/internal/masking"
)

// run is what happened in the server to the newest text or call of a handset: four
// steps, each done, troubled or still to come.
type run struct {
	kind  runKind
	ride  int64
	out   int64 // the message that the server sent on
	steps [4]step
}

type runKind string

const (
	textRun runKind = "text"
	callRun runKind = "call"
)

// step is one line under the phones.
type step struct {
	State stepState
	Title string
	Words string
	At    time.Time // zero: still to come
}

// stepState is a class of the style sheet.
type stepState string

const (
	toCome   stepState = "to-come"
	done     stepState = "done"
	troubled stepState = "troubled" // as it should be, but nobody was connected
	wrong    stepState = "wrong"
)

const noRoute = "This number means nobody to this phone now, so BirdCar connects nobody."

// newRun is a run of which nothing has happened yet; the words say what will.
func newRun(kind runKind) run {
	r := run{kind: kind}
	if kind == callRun {
		r.steps = [4]step{
			{Title: "Webhook in", Words: "The carrier asks BirdCar what to do with the call."},
			{Title: "Route found", Words: "Who called which number leads to one person: the other party of the caller’s own ride."},
			{Title: "Call flow out", Words: "BirdCar answers: connect them, and show the number that was called."},
			{Title: "Ringing", Words: "The other phone shows the proxy number. Neither person sees the other’s."},
		}
	} else {
		r.steps = [4]step{
			{Title: "Webhook in", Words: "The carrier brings the text to BirdCar, signed."},
			{Title: "Route found", Words: "Who texted which number leads to one person: the other party of the sender’s own ride."},
			{Title: "Message out", Words: "BirdCar sends the text on, from the proxy number. The sender’s own number stays here."},
			{Title: "Delivered", Words: "The other phone has it, and the carrier’s report is back. Neither person saw the other’s number."},
		}
	}
	for i := range r.steps {
		r.steps[i].State = toCome
	}
	return r
}

func (r *run) mark(i int, state stepState, at time.Time) {
	if r.steps[i].At.IsZero() {
		r.steps[i].State, r.steps[i].At = state, at
	}
}

func (r *run) explain(i int, title, words string) {
	r.steps[i].Title, r.steps[i].Words = title, words
}

// take notes an event of the server. A call's events may come after its answer:
// each step is marked for itself, and only what marks it first counts.
func (r *run) take(e masking.Event) {
	switch e.Kind {
	case masking.TextIn:
		if r.kind != textRun || !r.steps[0].At.IsZero() {
			*r = newRun(textRun)
		}
		r.mark(0, done, e.At)
	case masking.CallIn:
		if r.kind != callRun { // else dial began it, and perhaps the answer came before this event
			*r = newRun(callRun)
		}
		r.mark(0, done, e.At)
	case masking.RouteFound:
		r.ride = e.RideID
		r.mark(1, done, e.At)
	case masking.RouteMissing:
		r.explain(1, "No route", noRoute)
		r.mark(1, troubled, e.At)
	case masking.MessageMoved:
		r.moved(e)
	}
}

// moved notes a message that went on its way. The first one of the ride to move
// after the route was found is the text sent on.
func (r *run) moved(e masking.Event) {
	if r.kind != textRun || r.steps[1].State != done || e.RideID != r.ride {
		return
	}
	onItsWay := e.State == masking.Queued || e.State == masking.Sending || e.State == masking.Sent
	if r.out == 0 && onItsWay {
		r.out = e.MessageID
	}
	if r.out != e.MessageID {
		return
	}
	switch e.State {
	case masking.Sent:
		r.mark(2, done, e.At)
	case masking.Delivered:
		r.mark(2, done, e.At)
		r.mark(3, done, e.At)
	case masking.Failed:
		r.explain(3, "Failed", "The carrier refused the text. The ride’s conversation says why.")
		r.mark(3, wrong, e.At)
	}
}

// refused notes that BirdCar did not take a webhook.
func (r *run) refused(at time.Time) {
	if r.kind == "" { // a text that an earlier run left
		*r = newRun(textRun)
	}
	r.explain(0, "Webhook refused", "BirdCar did not take it. The phone says why, and the server’s log says more.")
	r.mark(0, wrong, at)
}

// answered notes what the carrier does with a call.
func (r *run) answered(at time.Time, f flow) {
	r.mark(0, done, at)
	switch {
	case f.say != "":
		r.explain(1, "No route", noRoute)
		r.mark(1, troubled, at)
		r.explain(2, "Sentence out", "BirdCar answers with a sentence to speak.")
		r.explain(3, "Spoken", "The caller hears it. No other phone rings.")
		r.mark(2, done, at)
		r.mark(3, troubled, at)
	case !f.mask:
		r.mark(1, done, at)
		r.explain(3, "Leaked", "The other phone shows the caller’s own number: the answer lacks mask=\"true\".")
		r.mark(2, done, at)
		r.mark(3, wrong, at)
	default:
		for i := range r.steps {
			r.mark(i, done, at)
		}
	}
}

// follow notes the server's events until the simulator stops.
func (s *Simulator) follow() {
	events, cancel := s.cfg.Subscribe()
	defer cancel()
	for {
		select {
		case <-s.stopped.Done():
			return
		case e, open := <-events:
			if !open {
				return
			}
			s.narrate(func(r *run) { r.take(e) })
		}
	}
}

// narrate changes the newest run.
func (s *Simulator) narrate(change func(*run)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.run
	change(&s.run)
	if s.run != before {
		s.changed()
	}
}
