package server

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/masking"
	"birdcar/web"
)

// parsePages makes one template set for each file in templates/, so that pages
// can define blocks of the same name.
func parsePages(zone *time.Location, now func() time.Time, country string) (map[string]*template.Template, error) {
	base, err := template.New("layout.html").
		Funcs(web.Funcs(zone, now)).
		Funcs(template.FuncMap{"home": func() string { return masking.Reads(country) }}).
		Option("missingkey=error").
		ParseFS(web.FS, "templates/layout.html", "templates/partials/*.html")
	if err != nil {
		return nil, err
	}
	files, err := fs.Glob(web.FS, "templates/*.html")
	if err != nil {
		return nil, err
	}
	pages := make(map[string]*template.Template, len(files))
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "layout" {
			continue
		}
		page, err := base.Clone()
		if err != nil {
			return nil, err
		}
		if pages[name], err = page.ParseFS(web.FS, file); err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// view is what the layout shows around every page, and the page's own Data.
type view struct {
	Page    string
	Nav     []link // empty when signed out
	Flash   string
	Carrier carrierMark
	// AskSignOut has signing out ask first: without a password it locks out.
	AskSignOut bool
	Live       bool // it may load itself again: not the answer to a form, nor an error
	Data       any
}

type link struct {
	Href, Name string
	Current    bool
}

// carrierMark says who carries texts and calls, and whether texts leave.
type carrierMark struct {
	Simulated bool
	Text      string
	Sending   masking.SendingStatus
	Do        string // about texts that do not leave; empty: they do
}

// Render answers with a page: the template of that name with data, inside the
// layout. On an error nothing has been written yet.
func (s *Server) Render(w http.ResponseWriter, r *http.Request, status int, page string, data any) error {
	t := s.pages[page]
	if t == nil {
		return fmt.Errorf("page %s: no such template", page)
	}
	v := view{Page: page, Carrier: s.carrier(), AskSignOut: s.Password == "", Data: data}
	if s.signedIn(r) {
		v.Nav = s.nav(r)
		v.Live = r.Method == http.MethodGet && status == http.StatusOK
		if r.Header.Get(liveHeader) == "" { // else another page waits to show it
			v.Flash = s.takeFlash(w, r)
		}
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return fmt.Errorf("page %s: %w", page, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// The length also keeps a second answer from being appended to this one when
	// the session cannot be stored.
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the visitor has gone
	return nil
}

func (s *Server) nav(r *http.Request) []link {
	links := []link{
		{Href: "/", Name: "Current"},
		{Href: "/rides", Name: "Rides"},
		{Href: "/messages", Name: "Messages"},
		{Href: "/customers", Name: "Customers"},
		{Href: "/drivers", Name: "Drivers"},
		{Href: "/numbers", Name: "Numbers"},
		{Href: "/setup", Name: "Setup"},
	}
	if s.SimulatorPages != nil {
		links = append(links, link{Href: "/simulator", Name: "Simulator"})
	}
	for i := range links {
		links[i].Current = links[i].Href == r.URL.Path || strings.HasPrefix(r.URL.Path, links[i].Href+"/") ||
			links[i].Href == "/" && r.URL.Path == "/createride"
	}
	return links
}

func (s *Server) carrier() carrierMark {
	mark := carrierMark{Simulated: s.Simulated, Text: "MessageBird"}
	if s.Simulated {
		mark.Text = "Simulator: no text leaves this machine"
	}
	if s.Sending != nil {
		mark.Sending = s.Sending()
	}
	if mark.Sending.Stopped {
		mark.Text, mark.Do = "Texts paused", whatToDo(mark.Sending)
	}
	return mark
}
