package server

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/httprate"
)

// How many passwords may be tried in a minute: by one visitor, and through one
// connecting address, which is a proxy's when there is one.
const (
	loginLimit = 10
	proxyLimit = 100
)

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
	Ended       bool // was signed in before
	Unsaved     bool // and sent a form after that
}

// showLogin shows the form, or signs in whoever brings the key of a login link.
func (s *Server) showLogin(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	page := s.newLoginPage(q.Get("next"))
	// Whose form came too late was sent here with 1; who only looked, by app.js with another word.
	page.Ended, page.Unsaved = q.Has("ended"), q.Get("ended") == "1"
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

// limitLogins slows down whoever guesses passwords. Behind a proxy of our own, or a
// tunnel's agent, everybody comes from its address: counting by that alone would let
// anybody keep the admin out. But a proxy that passes headers on as they came lets a
// visitor name another address with each try, so all tries through one are counted too.
func (s *Server) limitLogins(next http.Handler) http.Handler {
	limit := func(most int, by func(*http.Request) netip.Addr) func(http.Handler) http.Handler {
		return httprate.LimitBy(most, time.Minute,
			func(r *http.Request) (string, error) { return httprate.CanonicalizeIP(by(r).String()), nil },
			httprate.WithResponseHeaders(httprate.ResponseHeaders{RetryAfter: "Retry-After"}),
			httprate.WithLimitHandler(s.handle(func(w http.ResponseWriter, r *http.Request) error {
				if err := readForm(r); err != nil {
					return err
				}
				page := s.newLoginPage(r.PostForm.Get("next"))
				page.TooMany = true
				return s.Render(w, r, http.StatusTooManyRequests, "login", page)
			})),
		)
	}
	return limit(loginLimit, visitor)(limit(proxyLimit, connecting)(next))
}

// connecting is the address that a request's connection comes from.
func connecting(r *http.Request) netip.Addr {
	from, _ := netip.ParseAddrPort(r.RemoteAddr) // net/http always sets one
	return from.Addr().Unmap()
}

// visitor is the address of whoever sent a request. Of X-Forwarded-For only the last
// entry counts, which our own proxy appended: those before are the visitor's to forge,
// and all of them are when nobody on this machine or network connects.
func visitor(r *http.Request) netip.Addr {
	from := connecting(r)
	forwarded := r.Header.Values("X-Forwarded-For")
	if len(forwarded) == 0 || !from.IsLoopback() && !from.IsPrivate() {
		return from
	}
	last := forwarded[len(forwarded)-1]
	addr, err := netip.ParseAddr(strings.TrimSpace(last[strings.LastIndex(last, ",")+1:]))
	if err != nil {
		return from
	}
	return addr.Unmap()
}

// same compares secrets in a time that tells nothing about them, their length included.
func same(a, b string) bool {
	sumA, sumB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(sumA[:], sumB[:]) == 1
}
