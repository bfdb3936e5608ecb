package simulator

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// maxBody is how much a handset sends at once, in bytes: more than nine SMS.
const maxBody = 8 << 10

// Pages are the handsets, at /simulator and below. They show whole phone numbers
// and know no session: whoever mounts them lets in admins only, and refuses forms
// from other sites.
func (s *Simulator) Pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /simulator", s.showPage)
	mux.HandleFunc("GET /simulator/{$}", s.showPage)
	mux.HandleFunc("GET /simulator/phones", s.showPhones)
	mux.HandleFunc("GET /simulator/events", s.streamChanges)
	mux.HandleFunc("POST /simulator/text", s.sendText)
	mux.HandleFunc("POST /simulator/retry", s.withID(s.retry))
	mux.HandleFunc("POST /simulator/call", s.placeCall)
	mux.HandleFunc("POST /simulator/answer", s.withID(s.pickUp))
	mux.HandleFunc("POST /simulator/hangup", s.withID(s.hangUp))
	return mux
}

func (s *Simulator) showPage(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	c, problems := s.choiceFrom(query)
	status := http.StatusOK
	if len(problems) > 0 {
		status = http.StatusUnprocessableEntity
	}
	s.page(w, r, status, c, func(p *page) {
		p.Left.Typed, p.Left.Problem = query.Get("left"), problems["left"]
		p.Right.Typed, p.Right.Problem = query.Get("right"), problems["right"]
		p.Left.Focus = p.Left.Problem != ""
		p.Right.Focus = p.Right.Problem != "" && !p.Left.Focus
	})
}

// page renders the page of a choice; change adds to its data.
func (s *Simulator) page(w http.ResponseWriter, r *http.Request, status int, c choice, change func(*page)) {
	rides, err := s.cfg.Rides(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	asked := c.ride
	c, ok := s.choose(c, rides)
	p := page{Rides: options(rides, c.ride), Left: otherPhone{Side: "left"}, Right: otherPhone{Side: "right"}}
	p.OfNoRide = !slices.ContainsFunc(p.Rides, func(o rideOption) bool { return o.Selected })
	if ok {
		p.Phones = s.lay(c, rides)
	}
	if ok && asked != 0 && asked != c.ride {
		p.Notice = "Ride " + strconv.FormatInt(asked, 10) + " is over, so its phones are off the table."
	}
	change(&p)
	if err := s.cfg.Render(w, r, status, "simulator", p); err != nil {
		s.fail(w, r, err)
	}
}

// showPhones answers the part of the page that changes, for the page's script.
func (s *Simulator) showPhones(w http.ResponseWriter, r *http.Request) {
	rides, err := s.cfg.Rides(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	c, _ := s.choiceFrom(r.URL.Query())
	c, ok := s.choose(c, rides)
	if !ok {
		http.NotFound(w, r)
		return
	}
	var html bytes.Buffer
	if err := s.pages.ExecuteTemplate(&html, "phones", s.lay(c, rides)); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = html.WriteTo(w) // whoever asked has gone
}

// form reads a posted form, or answers why not.
func (s *Simulator) form(w http.ResponseWriter, r *http.Request) (c choice, ok bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		http.Error(w, "the form cannot be read, or is too long", http.StatusBadRequest)
		return choice{}, false
	}
	c, _ = s.choiceFrom(r.PostForm)
	return c, true
}

// ends reads the two ends of a text or call.
func (s *Simulator) ends(w http.ResponseWriter, r *http.Request) (from, to masking.Number, ok bool) {
	from, fromErr := masking.ParseCarrier(r.PostForm.Get("from"), s.cfg.Country)
	to, toErr := masking.ParseCarrier(r.PostForm.Get("to"), s.cfg.Country)
	if fromErr != nil || toErr != nil {
		http.Error(w, "from and to must be phone numbers", http.StatusBadRequest)
		return from, to, false
	}
	return from, to, true
}

func (s *Simulator) sendText(w http.ResponseWriter, r *http.Request) {
	c, ok := s.form(w, r)
	if !ok {
		return
	}
	from, to, ok := s.ends(w, r)
	if !ok {
		return
	}
	body := strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("body"), "\r\n", "\n"))
	problem := ""
	switch {
	case body == "":
		problem = "Type a text first."
	case len(masking.Split(body)) > 1:
		problem = "This text is too long for a phone: nine SMS at most."
	}
	if problem != "" {
		s.page(w, r, http.StatusUnprocessableEntity, c, func(p *page) {
			p.Problem = problem
			if p.Phones == nil {
				return
			}
			if from == c.right {
				p.Phones.Right.Draft = body
			} else {
				p.Phones.Left.Draft = body
			}
		})
		return
	}
	now := s.cfg.Now()
	err := s.keep(message{
		ID: newID(), Direction: fromHandset, Type: "sms", Created: now,
		Originator: from.Digits(), Body: body,
		Recipients: []recipient{{Number: to.Digits(), Status: sent, StatusAt: now}},
	})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	http.Redirect(w, r, c.path(), http.StatusSeeOther)
}

func (s *Simulator) placeCall(w http.ResponseWriter, r *http.Request) {
	c, ok := s.form(w, r)
	if !ok {
		return
	}
	from, to, ok := s.ends(w, r)
	if !ok {
		return
	}
	s.dial(r.Context(), from.Digits(), to.Digits())
	http.Redirect(w, r, c.path(), http.StatusSeeOther)
}

// withID does something with the text or call that the form's id names. When that
// is gone meanwhile there is nothing to do, and the phones show it.
func (s *Simulator) withID(do func(id string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, ok := s.form(w, r)
		if !ok {
			return
		}
		_ = do(r.PostForm.Get("id"))
		http.Redirect(w, r, c.path(), http.StatusSeeOther)
	}
}

func (s *Simulator) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.cfg.Log.Error("a page of the simulator failed", "path", r.URL.Path, "err", err)
	http.Error(w, "The simulator cannot show this page now. Please try again in a moment.", http.StatusInternalServerError)
}
