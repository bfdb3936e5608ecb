package server

import (
	"crypto/rand"
	"errors"
	"net/http"

	"birdcar/internal/masking"
)

// handlerFunc is how this package's pages are written: what it returns as an
// error becomes the page that fits it.
type handlerFunc func(w http.ResponseWriter, r *http.Request) error

func (s *Server) handle(h handlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// pageError is an error that has a page of its own.
type pageError struct {
	status      int
	title, text string
}

func (e *pageError) Error() string { return e.title }

var (
	errNoPage = &pageError{http.StatusNotFound, "There is no such page",
		"The address may be mistyped, or what it showed is gone."}
	errNothingShown = &pageError{http.StatusMethodNotAllowed, "Nothing is shown at this address",
		"This address only accepts forms, and nothing was changed. Go back, or to the rides, and use the form or the button there."}
	errBusy = &pageError{http.StatusServiceUnavailable, "BirdCar is busy",
		"Very much waits to be stored. That takes a moment."}
	errOutOfReach = &pageError{http.StatusServiceUnavailable, "The database cannot be reached now",
		"Every page needs it. The log says more."}
	errTooLarge = &pageError{http.StatusRequestEntityTooLarge, "That was too much at once",
		"A form takes 64 KB at most, a list of numbers 1 MB. Nothing was changed."}
	errUnreadable = &pageError{http.StatusBadRequest, "The form could not be read",
		"Nothing was changed. Go back, load the page anew and try again."}
	errElsewhere = &pageError{http.StatusForbidden, "This came from another site",
		"BirdCar takes forms only from its own pages, and nothing was changed. If you came through a proxy, set PUBLIC_URL to the address in your browser."}
	errInternal = &pageError{http.StatusInternalServerError, "Something went wrong on our side",
		"It has been logged. Try again; if it happens again, look for the reference below in the log."}
)

// sendAgain is what who sent a form reads when the same may succeed later.
const sendAgain = "Nothing was changed. Keep this page, and reload it in a moment to send the form again."

// pageFor is what the visitor reads for an error.
func pageFor(err error) *pageError {
	var page *pageError
	switch {
	case errors.As(err, &page):
		return page
	case errors.Is(err, masking.ErrNotFound):
		return errNoPage
	case errors.Is(err, masking.ErrOutOfReach):
		return errOutOfReach
	case errors.Is(err, masking.ErrBusy):
		return errBusy
	}
	return errInternal
}

type errorPage struct {
	Title, Text string
	Reference   string // found in the log; empty: nothing was logged
	Href, Verb  string // of its button; empty: there is none
}

// fail answers a request that ended in err, and logs it when the fault is ours.
// The visitor never reads err itself.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	page := pageFor(err)
	data := errorPage{Title: page.title, Text: page.text, Href: "/", Verb: "Go to the rides"}
	if page.status >= 500 {
		data.Reference = rand.Text()[:8]
		s.Log.Error("request failed", "method", r.Method, "route", pattern(r), "reference", data.Reference, "err", err)
	}
	if page == errBusy || page == errOutOfReach {
		w.Header().Set("Retry-After", retryAfter)
		if r.Method == http.MethodGet {
			data.Href, data.Verb = localPath(r.URL.RequestURI()), "Try again"
		} else { // a button would lead away from the page that can be sent again
			data.Text, data.Href = sendAgain, ""
		}
	}
	if err := s.Render(w, r, page.status, "error", data); err != nil {
		s.Log.Error("error page failed", "reference", data.Reference, "err", err)
		http.Error(w, page.title+".", page.status)
	}
}

// redirect ends a form post: the browser loads path, which shows flash once.
func (s *Server) redirect(w http.ResponseWriter, r *http.Request, path, flash string) error {
	if flash != "" {
		s.setFlash(w, r, flash)
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

func (s *Server) nothingShown(http.ResponseWriter, *http.Request) error { return errNothingShown }

func (s *Server) notFound(http.ResponseWriter, *http.Request) error { return errNoPage }
