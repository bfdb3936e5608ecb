package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// routes is the whole surface: who may call what.
func (s *Server) routes() (http.Handler, error) {
	crossOrigin, err := s.refuseCrossOrigin()
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(s.logRequests, s.recoverPanics, middleware.GetHead)
	r.MethodNotAllowed(methodNotAllowed(r))

	// Operators and their tools: no session, nothing secret.
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.With(pageHeaders).Get("/static/{name}", s.handle(s.static))

	// The carrier: no session, let in by signature or token.
	r.Post("/webhook", s.note(textHook, s.letIn(s.takeText)))
	r.Get("/webhook-voice", s.note(callHook, s.letIn(s.answerCall)))
	r.Get("/webhook-status", s.note(reportHook, s.letIn(s.takeReport)))
	if s.SimulatorAPI != nil {
		r.Handle("/simulator/messagebird/*", s.SimulatorAPI)
	}

	// Browsers.
	r.Group(func(r chi.Router) {
		r.Use(pageHeaders, noStore, limitBody, s.loadSession, crossOrigin)
		r.NotFound(s.handle(s.notFound))

		r.Get("/login", s.handle(s.showLogin))
		r.With(s.limitLogins).Post("/login", s.handle(s.login))
		r.Post("/logout", s.handle(s.logout))

		// The admin: everything below needs a login.
		r.Group(func(r chi.Router) {
			r.Use(s.requireLogin)

			r.Get("/", s.handle(s.home))
			r.Post("/createride", s.handle(s.createRide))

			r.Get("/customers", s.handle(s.listParties(customers)))
			r.Post("/customers", s.handle(s.addParty(customers)))
			r.Get("/drivers", s.handle(s.listParties(drivers)))
			r.Post("/drivers", s.handle(s.addParty(drivers)))

			r.Get("/numbers", s.handle(s.listNumbers))
			r.Post("/numbers", s.handle(s.addNumber))

			if s.SimulatorPages != nil {
				r.Handle("/simulator", s.SimulatorPages)
				r.Handle("/simulator/*", s.SimulatorPages)
			}
		})
	})
	return r, nil
}
