package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
)

// A session ends sessionLifetime after its login, and earlier when nobody used it
// for sessionIdle. Its use is noted every sessionNoted only, so that looking at a
// page writes nothing.
const (
	sessionLifetime = 14 * 24 * time.Hour
	sessionIdle     = 3 * 24 * time.Hour
	sessionNoted    = time.Hour
)

// The names of a session's values.
const (
	sessionAdmin = "admin" // s.admin() of the login; a login under another password counts no more
	sessionUsed  = "used"  // Unix seconds, rounded down to sessionNoted
)

func (s *Server) newSessions() *scs.SessionManager {
	m := scs.New()
	m.Store = s.Store.Sessions()
	m.Codec = sessionCodec{}
	m.HashTokenInStore = true
	m.Lifetime = sessionLifetime
	m.Cookie.Name = "birdcar"
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	m.ErrorFunc = s.fail
	return m
}

// sessionCodec keeps a session as JSON. It is read for every page of the admin, and what scs
// would keep it as, encoding/gob, brings a description of its types that takes longer to read
// than many pages take.
type sessionCodec struct{}

// kept is what a session holds.
type kept struct {
	Deadline time.Time `json:"deadline"`
	Admin    string    `json:"admin,omitempty"`
	Used     int64     `json:"used,omitempty"`
}

func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	k := kept{Deadline: deadline}
	for name, value := range values {
		switch name {
		case sessionAdmin:
			k.Admin, _ = value.(string)
		case sessionUsed:
			k.Used, _ = value.(int64)
		default:
			return nil, fmt.Errorf("a session has no %s", name)
		}
	}
	return json.Marshal(k)
}

// Decode takes what it cannot read, from a version before this, for a session that is over.
func (sessionCodec) Decode(b []byte) (deadline time.Time, values map[string]any, err error) {
	var k kept
	if err := json.Unmarshal(b, &k); err != nil {
		return time.Time{}, map[string]any{}, nil
	}
	return k.Deadline, map[string]any{sessionAdmin: k.Admin, sessionUsed: k.Used}, nil
}

// loadSession gives the request its session. The cookie is marked Secure when the
// browser came by https. It is not on plain http, where a Secure cookie would keep
// the admin of a laptop out: that is for the loopback only.
func (s *Server) loadSession(next http.Handler) http.Handler {
	secure := *s.sessions // shares the store and the request's data
	secure.Cookie.Secure = true
	marked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), hasSession{}, true)))
	})
	plainNext, secureNext := s.sessions.LoadAndSave(marked), secure.LoadAndSave(marked)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.overHTTPS(r) {
			secureNext.ServeHTTP(w, r)
		} else {
			plainNext.ServeHTTP(w, r)
		}
	})
}

// hasSession marks requests that came through loadSession: scs panics for others.
type hasSession struct{}

// overHTTPS reports whether the browser speaks https, to us or to a proxy before
// us. X-Forwarded-Proto can be forged, but only to make one's own cookie stricter.
func (s *Server) overHTTPS(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" ||
		s.origin.Scheme == "https" && r.Host == s.origin.Host
}

// admin is what a session holds after a login. It changes with the password, so
// that a new password signs everybody out, and tells nothing about it.
func (s *Server) admin() string {
	h := hmac.New(sha256.New, []byte(s.Token))
	h.Write([]byte(s.Password))
	return hex.EncodeToString(h.Sum(nil))
}

// signIn starts a session under a new token, so that one planted before is worth nothing.
func (s *Server) signIn(r *http.Request) error {
	if err := s.sessions.RenewToken(r.Context()); err != nil {
		return err
	}
	s.sessions.Put(r.Context(), sessionAdmin, s.admin())
	s.sessions.Put(r.Context(), sessionUsed, s.Now().Truncate(sessionNoted).Unix())
	begins := *s.sessions // shares the request's data
	begins.Store = s.Store.NewSessions()
	_, _, err := begins.Commit(r.Context())
	return err
}

// signedIn reports whether the request has the session of an admin. It is false
// for requests that loadSession has not seen.
func (s *Server) signedIn(r *http.Request) bool {
	ctx := r.Context()
	if ctx.Value(hasSession{}) == nil {
		return false
	}
	used := time.Unix(s.sessions.GetInt64(ctx, sessionUsed), 0)
	return s.sessions.GetString(ctx, sessionAdmin) == s.admin() && s.Now().Sub(used) < sessionIdle+sessionNoted
}

// requireLogin sends everybody but the admin to the login page, and back to where
// they wanted to be after it. Who sent a form reads there that it is not kept.
func (s *Server) requireLogin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.signedIn(r) {
			back, ended := r.URL.RequestURI(), ""
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				back = ""
				if page, here := s.cameFrom(r); here {
					back, ended = page, "1"
				}
			}
			if back == "/" { // where a login leads anyway
				back = ""
			}
			http.Redirect(w, r, address("/login", "ended", ended, "next", back), http.StatusSeeOther)
			return
		}
		if used := s.Now().Truncate(sessionNoted).Unix(); used != s.sessions.GetInt64(r.Context(), sessionUsed) {
			s.sessions.Put(r.Context(), sessionUsed, used)
		}
		next.ServeHTTP(w, r)
	})
}

// cameFrom is the page on this site that a form was sent from; here is false if that is not
// known, or another site. The page is / when it was itself the answer to a form, which cannot be loaded again.
func (s *Server) cameFrom(r *http.Request) (page string, here bool) {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host == "" || from.Host != r.Host && from.Host != s.origin.Host {
		return "", false
	}
	if !chi.RouteContext(r.Context()).Routes.Match(chi.NewRouteContext(), http.MethodGet, from.Path) {
		return "/", true
	}
	return localPath(from.RequestURI()), true
}

// localPath is next when it is a path on this site, and / otherwise: a link to the
// login page must not lead elsewhere.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") || strings.Contains(next, "\\") {
		return "/"
	}
	return next
}
