package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

const maxBody = 64 << 10

// pattern is the route that a request took. Logs hold it and not the address,
// whose query may hold a token or a number.
func pattern(r *http.Request) string {
	if p := chi.RouteContext(r.Context()).RoutePattern(); p != "" {
		return p
	}
	return "none"
}

// quiet are the routes of machines: what went well there is logged for debugging only.
var quiet = []string{"/webhook", "/webhook-voice", "/webhook-status", "/healthz", "/readyz", "/metrics", "/static/{name}", "/events", "/simulator/messagebird/*"}

// logRequests writes one line for each request.
func (s *Server) logRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		defer func() {
			status, route := ww.Status(), pattern(r)
			if status == 0 { // nothing written: net/http answers 200
				status = http.StatusOK
			}
			level := slog.LevelInfo
			if status < 400 && slices.Contains(quiet, route) {
				level = slog.LevelDebug
			}
			s.Log.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("route", route),
				slog.Int("status", status), slog.Float64("ms", float64(time.Since(start).Microseconds())/1000))
		}()
		next.ServeHTTP(ww, r)
	})
}

// recoverPanics turns a panic into the error page, or cuts the connection when an
// answer has begun.
func (s *Server) recoverPanics(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			if ww, ok := w.(middleware.WrapResponseWriter); ok && ww.Status() != 0 {
				s.Log.Error("request failed after its answer began", "method", r.Method, "route", pattern(r), "err", err)
				panic(http.ErrAbortHandler)
			}
			s.fail(w, r, err)
		}()
		next.ServeHTTP(w, r)
	})
}

// pageHeaders lets browsers load nothing but our own files, and no other site
// frame a page or learn its address.
func pageHeaders(next http.Handler) http.Handler {
	policy := strings.Join([]string{"default-src 'self'", "base-uri 'none'", "form-action 'self'",
		"frame-ancestors 'none'", "object-src 'none'"}, "; ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// noStore keeps pages, which hold people's numbers, out of every cache.
func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func limitBody(most int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, most)
			next.ServeHTTP(w, r)
		})
	}
}

// refuseCrossOrigin refuses what another site made a browser post to us. Behind a
// proxy that rewrites Host, PUBLIC_URL tells which origin is ours.
func (s *Server) refuseCrossOrigin() (func(http.Handler) http.Handler, error) {
	p := http.NewCrossOriginProtection()
	if err := p.AddTrustedOrigin(s.origin.Scheme + "://" + s.origin.Host); err != nil {
		return nil, fmt.Errorf("public URL: %w", err)
	}
	p.SetDenyHandler(s.handle(func(http.ResponseWriter, *http.Request) error { return errElsewhere }))
	return p.Handler, nil
}

// methodNotAllowed names the methods that the address does take. Whoever typed the address of a
// form, or came back to it, gets page.
func methodNotAllowed(routes chi.Routes, page http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for _, allow := range []string{"GET, HEAD", "POST"} {
			method, _, _ := strings.Cut(allow, ",")
			if found := chi.NewRouteContext(); routes.Match(found, method, r.URL.Path) {
				w.Header().Add("Allow", allow)
				chi.RouteContext(r.Context()).RoutePatterns = found.RoutePatterns // for the log
			}
		}
		browser := r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html")
		if browser && !strings.HasPrefix(r.URL.Path, "/webhook") {
			page.ServeHTTP(w, r)
			return
		}
		oneLine(w, http.StatusMethodNotAllowed, "This address does not take that method.")
	}
}
