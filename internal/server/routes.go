package server

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"birdcar/internal/masking"
)

// routes is the whole surface: who may call what.
func (s *Server) routes() (http.Handler, error) {
	crossOrigin, err := s.refuseCrossOrigin()
	if err != nil {
		return nil, err
	}
	r := chi.NewRouter()
	r.Use(s.logRequests, s.recoverPanics, middleware.GetHead)
	r.MethodNotAllowed(methodNotAllowed(r, chi.Chain(pageHeaders, noStore, s.loadSession).HandlerFunc(s.handle(s.nothingShown))))

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

	// The admin's files and lists, which are larger than other forms.
	r.Group(func(r chi.Router) {
		r.Use(pageHeaders, noStore, limitBody(maxUploadBody), s.loadSession, crossOrigin, s.requireLogin)
		for _, who := range []people{customers, drivers} {
			r.Post(who.Path+"/import", s.handle(s.planRoster(who)))
		}
		r.With(limitBody(maxListBody)).Post("/numbers/many", s.handle(s.addNumbers))
	})

	// Browsers.
	r.Group(func(r chi.Router) {
		r.Use(pageHeaders, noStore, limitBody(maxBody), s.loadSession, crossOrigin)
		r.NotFound(s.handle(s.notFound))

		r.Get("/login", s.handle(s.showLogin))
		r.With(s.limitLogins).Post("/login", s.handle(s.login))
		r.Post("/logout", s.handle(s.logout))
		r.Get("/metrics", s.handle(s.showMetrics)) // for the admin, or with a token of its own

		// The admin: everything below needs a login.
		r.Group(func(r chi.Router) {
			r.Use(s.requireLogin)

			r.Get("/events", s.events)
			r.Get("/", s.handle(s.home))
			r.Post("/createride", s.handle(s.createRide))

			r.Get("/rides", s.handle(s.listRides))
			r.Get("/rides.csv", s.handle(s.exportRides))
			r.Get("/rides/{id}", s.handle(s.showRide))
			r.Get("/rides/{id}/end", s.handle(s.askRide(s.endQuestion)))
			r.Post("/rides/{id}/end", s.handle(s.endRide))
			r.Get("/rides/{id}/cancel", s.handle(s.askRide(s.cancelQuestion)))
			r.Post("/rides/{id}/cancel", s.handle(s.cancelRide))
			r.Post("/rides/{id}/confirm", s.handle(s.confirmAgain))

			r.Get("/messages", s.handle(s.listMessages))
			r.Get("/messages/again", s.handle(s.askSendAllAgain))
			r.Post("/messages/again", s.handle(s.sendAllAgain))
			r.Get("/messages/{id}", s.handle(s.showMessage))
			r.Post("/messages/{id}/again", s.handle(s.sendAgain))

			for _, who := range []people{customers, drivers} {
				r.Get(who.Path, s.handle(s.listParties(who)))
				r.Post(who.Path, s.handle(s.addParty(who)))
				r.Get(who.Path+"/options", s.handle(s.options(who)))
				r.Get(who.Path+"/{id}", s.handle(s.showParty(who)))
				r.Post(who.Path+"/{id}", s.handle(s.changeParty(who)))
				r.Get(who.Path+"/{id}/delete", s.handle(s.askDeleteParty(who)))
				r.Post(who.Path+"/{id}/delete", s.handle(s.deleteParty(who)))

				r.Get(who.Path+"/import", s.handle(s.newRoster(who)))
				r.Get(who.Path+"/import/{id}", s.handle(s.showRoster(who)))
				r.Post(who.Path+"/import/{id}", s.handle(s.startRoster(who)))
				r.Get(who.Path+"/import/{id}/discard", s.handle(s.askDiscardRoster(who)))
				r.Post(who.Path+"/import/{id}/discard", s.handle(s.discardRoster(who)))
			}

			r.Get("/setup", s.handle(s.setup))
			r.Get("/sign-out", s.handle(s.askSignOut))
			r.Get("/sign-out-everywhere", s.handle(s.askSignOutAll))
			r.Post("/sign-out-everywhere", s.handle(s.signOutAll))

			r.Get("/numbers", s.handle(s.listNumbers))
			r.Post("/numbers", s.handle(s.addNumber))
			r.Get("/numbers/owned", s.handle(s.listOwned))
			r.Get("/numbers/{id}", s.handle(s.showNumber))
			r.Post("/numbers/{id}/available", s.handle(s.setNumber(masking.Available, "is available for new rides.")))
			r.Post("/numbers/{id}/drain", s.handle(s.setNumber(masking.Draining, "gets no new rides. Those it has go on.")))
			r.Get("/numbers/{id}/retire", s.handle(s.askRetireNumber))
			r.Post("/numbers/{id}/retire", s.handle(s.retireNumber))
			r.Get("/numbers/{id}/delete", s.handle(s.askDeleteNumber))
			r.Post("/numbers/{id}/delete", s.handle(s.deleteNumber))

			if s.SimulatorPages != nil {
				r.Handle("/simulator", s.SimulatorPages)
				r.Handle("/simulator/*", s.SimulatorPages)
			}
		})
	})
	return r, nil
}
