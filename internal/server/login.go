package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

// loginLimit is how many passwords one address may try in a minute.
const loginLimit = 10

// loginLinks are the keys of the login links that nobody has opened yet.
type loginLinks struct {
	mu   sync.Mutex
	keys map[[sha256.Size]byte]struct{}
}

func (l *loginLinks) add() string {
	key := rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys == nil {
		l.keys = make(map[[sha256.Size]byte]struct{})
	}
	l.keys[sha256.Sum256([]byte(key))] = struct{}{}
	return key
}

// use reports whether key is good, and makes it worthless. Comparing hashes tells
// nothing about the key by the time it takes.
func (l *loginLinks) use(key string) bool {
	sum := sha256.Sum256([]byte(key))
	l.mu.Lock()
	defer l.mu.Unlock()
	_, good := l.keys[sum]
	delete(l.keys, sum)
	return good
}

type loginPage struct {
	Form        form
	HasPassword bool
	SpentLink   bool // came by a login link that is used up or wrong
	TooMany     bool
}

// showLogin shows the form, or signs in whoever brings the key of a login link.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	page := s.newLoginPage(q.Get("next"))
	if q.Has("key") && r.Method == http.MethodGet { // a HEAD only looks, and must not use the link up
		if s.links.use(q.Get("key")) {
			return s.enter(w, r, "/")
		}
		page.SpentLink = true
	}
	switch {
	case s.signedIn(r):
		return s.redirect(w, r, localPath(q.Get("next")), "")
	case page.SpentLink:
		return s.Render(w, r, http.StatusUnauthorized, "login", page)
	}
	return s.Render(w, r, http.StatusOK, "login", page)
}

func (s *Server) newLoginPage(next string) loginPage {
	page := loginPage{Form: newForm("password"), HasPassword: s.Password != ""}
	page.Form.values.Set("next", localPath(next))
	return page
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	next := localPath(r.PostForm.Get("next"))
	if s.Password != "" && same(r.PostForm.Get("password"), s.Password) {
		return s.enter(w, r, next)
	}
	page := s.newLoginPage(next)
	page.Form.problems["password"] = "This is not the password."
	return s.Render(w, r, http.StatusUnauthorized, "login", page)
}

func (s *Server) enter(w http.ResponseWriter, r *http.Request, next string) error {
	if err := s.signIn(r); err != nil {
		return err
	}
	return s.redirect(w, r, next, "")
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) error {
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	return s.redirect(w, r, "/login", "")
}

// limitLogins slows down whoever guesses passwords. It counts by the address of
// the connection: a header that names another one can be forged.
func (s *Server) limitLogins(next http.Handler) http.Handler {
	return httprate.LimitBy(loginLimit, time.Minute,
		func(r *http.Request) (string, error) {
			host, _, err := net.SplitHostPort(r.RemoteAddr)
			if err != nil {
				host = r.RemoteAddr
			}
			return httprate.CanonicalizeIP(host), nil
		},
		httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}),
		httprate.WithLimitHandler(s.handle(func(w http.ResponseWriter, r *http.Request) error {
			page := s.newLoginPage("")
			page.TooMany = true
			return s.Render(w, r, http.StatusTooManyRequests, "login", page)
		})),
	)(next)
}

// same compares secrets in a time that tells nothing about them, their length included.
func same(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}
