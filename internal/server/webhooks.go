package server

import (
	"errors"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
	"birdcar/internal/masking"
)

// retryAfter is how many seconds somebody shall wait before the same again.
const retryAfter = "5"

// takeText takes an inbound text. Its OK says that the text is on disk.
func (s *Server) takeText(w http.ResponseWriter, r *http.Request, in webhook) {
	text, err := carrier.ParseText(r.Header.Get("Content-Type"), in.body, s.Country)
	if err != nil {
		oneLine(w, http.StatusBadRequest, err.Error())
		return
	}
	s.answer(w, r, s.Exchange.RelayText(r.Context(), text, in.proof))
}

// takeReport takes a delivery report. One about no message of ours is answered
// with OK too: the carrier would only repeat it.
func (s *Server) takeReport(w http.ResponseWriter, r *http.Request, in webhook) {
	report, err := carrier.ParseReport(in.query)
	if err != nil {
		oneLine(w, http.StatusBadRequest, err.Error())
		return
	}
	err = s.Exchange.TakeReport(r.Context(), report, in.proof)
	if errors.Is(err, masking.ErrNotFound) {
		s.Log.Info("delivery report about no message of ours", "state", report.State)
		err = nil
	}
	s.answer(w, r, err)
}

// answer tells the carrier what became of what it brought. After a 503 it may
// bring the same again.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case err == nil:
		ok(w)
	case errors.Is(err, exchange.ErrReplayed):
		s.refuseReplay(w, r)
	default:
		s.Log.Error("webhook not taken", "route", pattern(r), "err", err)
		w.Header().Set("Retry-After", retryAfter)
		oneLine(w, http.StatusServiceUnavailable, "This cannot be stored now. Try again in a moment.")
	}
}

// answerCall says what to do with a call. Whoever calls hears something in time,
// whatever goes wrong here or however long the database takes.
func (s *Server) answerCall(w http.ResponseWriter, r *http.Request, in webhook) {
	a := callAnswer{w: w.(*notedWriter), metrics: s.metrics} // note stands before every webhook
	defer func() {
		if p := recover(); p != nil {
			s.Log.Error("call answered with an apology", "panic", p, "stack", string(debug.Stack()))
			a.give(masking.CallFlow{Say: masking.SayUnavailable})
		}
	}()
	late := time.AfterFunc(exchange.AnswerWithin, a.apologize)
	defer late.Stop()
	call, err := carrier.ParseCall(in.query, s.Country)
	if err != nil {
		a.give(masking.CallFlow{Say: masking.SayUnknown})
		return
	}
	flow, err := s.Exchange.RouteCall(r.Context(), call, in.proof)
	if err != nil { // only ever a replay
		a.once(func() { s.refuseReplay(w, r) })
		return
	}
	a.give(flow)
}

// callAnswer is given once: by whoever is first, the decision or its deadline.
type callAnswer struct {
	w       *notedWriter
	metrics *metrics
	mu      sync.Mutex // held while the answer is written, so that the handler does not return meanwhile
	given   bool
}

func (a *callAnswer) once(write func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.given {
		a.given = true
		write()
	}
}

func (a *callAnswer) give(flow masking.CallFlow) {
	a.once(func() {
		writeCallFlow(a.w, carrier.EncodeCallFlow(flow))
		a.note(flow)
	})
}

// note counts and times the answer that was written.
func (a *callAnswer) note(flow masking.CallFlow) {
	a.metrics.called(flow)
	a.w.answered(flow.Say == masking.SayUnavailable)
}

// apologize answers while the handler still waits for the database. It tells the length,
// so that the carrier need not wait for the handler's return to have all of it, and ends the
// connection, because nothing more is answered on it until then.
func (a *callAnswer) apologize() {
	a.once(func() {
		flow := masking.CallFlow{Say: masking.SayUnavailable}
		answer := carrier.EncodeCallFlow(flow)
		a.w.Header().Set("Connection", "close")
		a.w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
		writeCallFlow(a.w, answer)
		a.note(flow)
		_ = http.NewResponseController(a.w).Flush() // the carrier has gone
	})
}

func writeCallFlow(w http.ResponseWriter, answer []byte) {
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Cache-Control", "no-store") // it holds somebody's number
	_, _ = w.Write(answer)                      // the carrier has gone
}

func (s *Server) refuseReplay(w http.ResponseWriter, r *http.Request) {
	s.Log.Warn("webhook refused", "route", pattern(r), "reason", "this signature was used before")
	oneLine(w, http.StatusUnauthorized, "This signature was used before.")
}
