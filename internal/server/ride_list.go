package server

import (
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const ridesOnPage = 50

type ridesPage struct {
	Query  string
	Day    string // as its input takes it: 2026-11-30
	State  masking.RideState
	States []masking.RideState
	Rides  []masking.Ride
	Wide   bool
	Tired  bool
	Odd    bool // the day in the address is none
	Any    bool // there are rides at all

	First, Newer, Older, Last, Export string // addresses; empty: there is none
}

// Filtered reports whether some rides may be left out.
func (p ridesPage) Filtered() bool { return p.Query != "" || p.Day != "" || p.State != "" }

func (s *Server) listRides(w http.ResponseWriter, r *http.Request) error {
	page, filter := s.ridesPage(r)
	query := r.URL.Query()
	span := store.Span{Limit: ridesOnPage}
	if key, ok := readRideKey(query.Get("older")); ok {
		span.Key = key
	} else if key, ok := readRideKey(query.Get("newer")); ok || query.Get("newer") == "end" {
		span.Key, span.Newer = key, true
	}
	list, err := s.Store.RideList(r.Context(), filter, span)
	if err != nil {
		return err
	}
	page.Rides, page.Wide, page.Tired = list.Rides, list.Wide, list.Tired
	if page.Any = len(page.Rides) > 0; !page.Any {
		any, err := s.Store.RideList(r.Context(), store.RideFilter{}, store.Span{Limit: 1})
		if err != nil {
			return err
		}
		page.Any = len(any.Rides) > 0
	}
	page.link(filter, span, list)
	return s.Render(w, r, http.StatusOK, "rides", page)
}

// ridesPage reads the filter of r's address.
func (s *Server) ridesPage(r *http.Request) (ridesPage, store.RideFilter) {
	query := r.URL.Query()
	page := ridesPage{Query: masking.CleanLine(query.Get("q")), Day: query.Get("day"),
		States: []masking.RideState{masking.Open, masking.Lingering, masking.Closed}}
	filter := store.RideFilter{Terms: s.terms(page.Query)}
	for _, state := range page.States {
		if query.Get("state") == string(state) {
			page.State, filter.State = state, state
		}
	}
	if page.Day == "today" {
		page.Day = s.today().Format(time.DateOnly)
	}
	if page.Day != "" {
		day, err := time.ParseInLocation(time.DateOnly, page.Day, s.Zone)
		if page.Odd = err != nil; page.Odd {
			page.Day = ""
		} else {
			filter.From, filter.Until = day, day.AddDate(0, 0, 1)
		}
	}
	return page, filter
}

// link fills in where the page leads.
func (p *ridesPage) link(f store.RideFilter, span store.Span, list store.RidePage) {
	to := func(path string, more ...string) string {
		return address(path, append([]string{"q", p.Query, "day", p.Day, "state", string(p.State)}, more...)...)
	}
	p.Export = to("/rides.csv")
	atStart := span.Key == store.RideKey{} && !span.Newer || span.Newer && !list.More
	atEnd := span.Key == store.RideKey{} && span.Newer || !span.Newer && !list.More
	if !atStart {
		p.First = to("/rides")
	}
	if !atEnd {
		p.Last = to("/rides", "newer", "end")
	}
	newest, oldest := span.Key, span.Key
	if n := len(list.Rides); n > 0 {
		newest, oldest = f.Key(list.Rides[0]), f.Key(list.Rides[n-1])
	}
	if list.Tired && span.Newer {
		newest = list.Next
	} else if list.Tired {
		oldest = list.Next
	}
	if !atStart {
		p.Newer = to("/rides", "newer", writeRideKey(newest))
	}
	if !atEnd {
		p.Older = to("/rides", "older", writeRideKey(oldest))
	}
}

// writeRideKey is a place in a list as addresses have it: "123", or "1700000000000.123".
func writeRideKey(k store.RideKey) string {
	id := strconv.FormatInt(k.ID, 10)
	if k.At == 0 {
		return id
	}
	return strconv.FormatInt(k.At, 10) + "." + id
}

func readRideKey(s string) (k store.RideKey, ok bool) {
	at, id, timed := strings.Cut(s, ".")
	if !timed {
		at, id = "0", s
	}
	var atErr, idErr error
	k.At, atErr = strconv.ParseInt(at, 10, 64)
	k.ID, idErr = strconv.ParseInt(id, 10, 64)
	if errors.Join(atErr, idErr) != nil || k.ID <= 0 {
		return store.RideKey{}, false
	}
	return k, true
}

// exportTime is how long one part of an export may take to be written.
const exportTime = 30 * time.Second

// exportRides streams the filtered list as CSV, newest first, with whole numbers.
// Rides made meanwhile are not part of it. When it breaks off, so does the
// connection: half a list must not look like a whole one.
func (s *Server) exportRides(w http.ResponseWriter, r *http.Request) error {
	_, filter := s.ridesPage(r)
	span := store.Span{Limit: 500}
	list, err := s.Store.RideList(r.Context(), filter, span)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="rides-`+s.today().Format("2006-01-02-1504")+`.csv"`)
	_, _ = w.Write([]byte("\uFEFF")) // or spreadsheets guess another encoding
	file := csv.NewWriter(w)
	file.UseCRLF = true
	_ = file.Write([]string{"ride", "customer", "customer number", "driver", "driver number", "start", "destination", "date and time",
		"proxy number", "state", "cancelled", "created", "ended", "closed"})
	for {
		for _, ride := range list.Rides {
			_ = file.Write(s.exported(ride))
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(exportTime))
		file.Flush()
		if err := errors.Join(file.Error(), r.Context().Err()); err != nil || !list.More {
			return nil // whole, or the visitor has gone
		}
		span.Key = list.Next
		if list, err = s.Store.RideList(r.Context(), filter, span); err != nil {
			s.Log.Error("an export broke off", "err", err)
			panic(http.ErrAbortHandler)
		}
	}
}

func (s *Server) exported(r masking.Ride) []string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.In(s.Zone).Format("2006-01-02 15:04:05")
	}
	cancelled := ""
	if r.Cancelled {
		cancelled = "yes"
	}
	return []string{strconv.FormatInt(r.ID, 10), harmless(r.Customer.Name), r.Customer.Number.E164(), harmless(r.Driver.Name), r.Driver.Number.E164(),
		harmless(r.Start), harmless(r.Destination), at(r.At), r.Proxy.Number.E164(), string(r.State), cancelled, at(r.Created), at(r.Ended), at(r.ClosedAt)}
}

// harmless keeps a spreadsheet from taking somebody's words for a formula.
// Phone numbers need it not: a plus and digits are a number at worst.
func harmless(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
