package server

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
)

const (
	uploadTime    = 5 * time.Minute // for a file or a long list to arrive and to be read
	rosterOnPage  = 100
	maxUploadBody = exchange.MaxRoster + 1<<20 // the file and what a browser puts around it
)

type uploadPage struct {
	People people
	Form   form
}

func (s *Server) newRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		return s.Render(w, r, http.StatusOK, "upload", uploadPage{People: who, Form: newForm("file")})
	}
}

// takesLong gives a request that brings much, and its answer, uploadTime.
func takesLong(w http.ResponseWriter) {
	// Not every writer has deadlines: tests' recorders have none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(uploadTime))
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(uploadTime))
}

// planRoster takes the file as it arrives: it is kept nowhere, only what it says.
func (s *Server) planRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		takesLong(w)
		f := newForm("file")
		file, err := uploaded(r)
		var id int64
		if err == nil {
			id, err = s.Exchange.PlanRoster(r.Context(), who.Role, file)
		}
		var tooLarge *http.MaxBytesError
		switch {
		case errors.As(err, &tooLarge):
			f.problems["file"] = "This file is larger than 16 MB. Split it."
			return s.Render(w, r, http.StatusRequestEntityTooLarge, "upload", uploadPage{People: who, Form: f})
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errUnreadable
		case errors.As(err, &f.problems):
			return s.Render(w, r, http.StatusUnprocessableEntity, "upload", uploadPage{People: who, Form: f})
		case err != nil:
			return err
		}
		return s.redirect(w, r, rosterPath(who, id), "")
	}
}

// uploaded is the file of a posted form.
func uploaded(r *http.Request) (*multipart.Part, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return nil, errUnreadable
	}
	for {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF), err == nil && part.FormName() == "file" && part.FileName() == "":
			return nil, masking.Invalid{"file": "Choose a file."}
		case err != nil:
			return nil, fmt.Errorf("%w: %w", errUnreadable, err)
		case part.FormName() == "file":
			return part, nil
		}
	}
}

type rosterPage struct {
	People people
	Roster masking.Roster
	Show   masking.Verdict
	Tabs   []tab
	Lines  []rosterLine
	Next   string // where the lines go on; empty: they do not
}

type rosterLine struct {
	masking.RosterLine
	Shown string // the number: masked unless it is what is wrong
}

// Path is the address of the roster's page.
func (p rosterPage) Path() string { return rosterPath(p.People, p.Roster.ID) }

// Until is when the file is forgotten.
func (p rosterPage) Until() time.Time { return p.Roster.Created.Add(exchange.RosterKept) }

// Writes is how many lines change the list.
func (p rosterPage) Writes() int {
	return p.Roster.Counts[masking.Add] + p.Roster.Counts[masking.Change]
}

// Percent is how much is written.
func (p rosterPage) Percent() int { return 100 * p.Roster.Written / max(1, p.Roster.Lines) }

func rosterPath(who people, id int64) string {
	return who.Path + "/import/" + strconv.FormatInt(id, 10)
}

// rosterTabs are the verdicts in the order of interest, with what they are called
// before and after.
var rosterTabs = []struct {
	verdict       masking.Verdict
	planned, done string
}{
	{masking.Refuse, "Refused", "Refused"},
	{masking.Change, "To be changed", "Changed"},
	{masking.Add, "To be added", "Added"},
	{masking.Known, "On the list already", "On the list already"},
}

func (s *Server) showRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx, query := r.Context(), r.URL.Query()
		roster, err := s.Store.Roster(ctx, who.Role, readID(chi.URLParam(r, "id")))
		if err != nil {
			return err
		}
		page := rosterPage{People: who, Roster: roster, Show: masking.Verdict(query.Get("show"))}
		if roster.State == masking.RosterRunning {
			return s.Render(w, r, http.StatusOK, "roster", page)
		}
		for _, t := range rosterTabs {
			name, count := t.planned, roster.Counts[t.verdict]
			if roster.State == masking.RosterDone {
				name = t.done
			}
			if page.Show == "" && count > 0 {
				page.Show = t.verdict
			}
			page.Tabs = append(page.Tabs, tab{Name: name, Count: count, Current: page.Show == t.verdict,
				Href: address(page.Path(), "show", string(t.verdict))})
		}
		lines, err := s.Store.RosterLines(ctx, roster.ID, page.Show, int(readID(query.Get("after"))), rosterOnPage+1)
		if err != nil {
			return err
		}
		if len(lines) > rosterOnPage {
			lines = lines[:rosterOnPage]
			page.Next = address(page.Path(), "show", string(page.Show), "after", strconv.Itoa(lines[len(lines)-1].Line))
		}
		for _, l := range lines {
			page.Lines = append(page.Lines, rosterLine{l, s.shownNumber(l)})
		}
		return s.Render(w, r, http.StatusOK, "roster", page)
	}
}

func (s *Server) shownNumber(l masking.RosterLine) string {
	n, err := masking.ParseNumber(l.Number, s.Country)
	if err != nil || l.Verdict == masking.Refuse && l.NameProblem() == "" {
		return l.Number
	}
	return n.String()
}

func (s *Server) startRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := readID(chi.URLParam(r, "id"))
		err := s.Exchange.StartRoster(r.Context(), who.Role, id)
		if err != nil && !errors.Is(err, masking.ErrConflict) { // started before: its page says how far it is
			return err
		}
		return s.redirect(w, r, rosterPath(who, id), "")
	}
}

func (s *Server) askDiscardRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		roster, err := s.Store.Roster(r.Context(), who.Role, readID(chi.URLParam(r, "id")))
		if err != nil {
			return err
		}
		path := rosterPath(who, roster.ID)
		q := question{
			Title: "Discard the file?",
			Facts: []string{
				fmt.Sprintf("What its %s would do is forgotten. To import it after all, choose the file again.", count(roster.Lines, false, "line", "lines")),
				fmt.Sprintf("The list of %ss stays as it is.", who.One),
			},
			Action: path + "/discard",
			Verb:   "Discard the file",
			Back:   path,
		}
		if roster.State != masking.RosterPlanned {
			q.Problem = "The import of this file has begun, so it cannot be discarded any more."
		}
		return s.ask(w, r, q)
	}
}

func (s *Server) discardRoster(who people) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		id := readID(chi.URLParam(r, "id"))
		switch err := s.Exchange.DiscardRoster(r.Context(), who.Role, id); {
		case errors.Is(err, masking.ErrConflict):
			return s.redirect(w, r, rosterPath(who, id), "This list is being imported, so it cannot be discarded any more.")
		case err != nil:
			return err
		}
		return s.redirect(w, r, who.Path, "The file is forgotten, and the list is as it was.")
	}
}
