package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

// selfTestTime is how long the setup page waits for the carrier, and then for the database.
const selfTestTime = 5 * time.Second

type setupPage struct {
	TextURL, CallURL string // to paste into Flow Builder
	Checks           []check
	Todo             int // checks that are not good
	Kept             string
}

// check is one line of the self-test.
type check struct {
	Name  string
	State checkState
	Found string
	Do    string // what to do about it; empty: nothing
}

type checkState string

const (
	checkGood     checkState = "good"
	checkBad      checkState = "bad"
	checkOpen     checkState = "open"     // not known yet
	checkOptional checkState = "optional" // not needed here
)

// Word is the state in a word.
func (c check) Word() string {
	return map[checkState]string{checkGood: "fine", checkBad: "to do", checkOpen: "not yet", checkOptional: "optional"}[c.State]
}

func (s *Server) setup(w http.ResponseWriter, r *http.Request) error {
	query := "?token=" + url.QueryEscape(s.Token)
	page := setupPage{TextURL: s.PublicURL + "/webhook" + query, CallURL: s.PublicURL + "/webhook-voice" + query, Kept: s.kept()}
	// Whoever leaves the page early must not make the log say that something is not well.
	page.Checks = s.selfTest(context.WithoutCancel(r.Context()))
	for _, c := range page.Checks {
		if c.State == checkBad {
			page.Todo++
		}
	}
	return s.Render(w, r, http.StatusOK, "setup", page)
}

// kept is how long what is over is kept; empty: for ever.
func (s *Server) kept() string {
	switch d := s.Exchange.Keep; {
	case d == 0:
		return ""
	case d == 24*time.Hour:
		return "a day"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	default:
		return d.String()
	}
}

func (s *Server) selfTest(ctx context.Context) []check {
	checks := s.checkAccount(ctx)
	ctx, cancel := context.WithTimeout(ctx, selfTestTime)
	defer cancel()
	checks = append(checks, s.checkSending(), s.checkSignature(), s.checkPublicURL())
	for _, hook := range []struct {
		kind      webhookKind
		name, try string
		last      func(context.Context) (time.Time, error)
	}{
		{textHook, "Texts come in", "Send a text to one of your proxy numbers. If nothing changes here, look at the flow for texts: is it published, is the number chosen in it, is its URL the one below?", s.Store.LastInbound},
		{callHook, "Calls come in", "Call one of your proxy numbers. If nothing changes here, look at the flow for calls: is it published, is the number chosen in it, is its URL the one below?", s.Store.LastCall},
		{reportHook, "Delivery reports come in", "Create a ride. MessageBird reports each text to BirdCar's public URL; BirdCar asks for that by itself.", nil},
	} {
		checks = append(checks, s.checkWebhook(ctx, hook.kind, hook.name, hook.try, hook.last))
	}
	return append(checks, s.checkDatabase(ctx)...)
}

// checkAccount asks the carrier for the balance, which tells about the key, the
// balance and the clock at once.
func (s *Server) checkAccount(ctx context.Context) []check {
	key := check{Name: "API key"}
	if s.Simulated {
		key.State, key.Found = checkOptional, "The simulator carries texts and calls; nothing leaves this machine."
		key.Do = "To go live, set MESSAGEBIRD_API_KEY to the live key of your MessageBird account and start BirdCar again."
		return []check{key}
	}
	if s.Balance == nil {
		key.State, key.Found = checkOpen, "The carrier cannot be asked."
		return []check{key}
	}
	ctx, cancel := context.WithTimeout(ctx, selfTestTime)
	defer cancel()
	balance, err := s.Balance(ctx)
	var refused *masking.CarrierError
	switch {
	case errors.As(err, &refused):
		key.State, key.Found = checkBad, refused.Reason
		key.Do = "MessageBird has to be reachable from here. If it is and refuses the key, copy the live key from the dashboard under Developers, API access, set MESSAGEBIRD_API_KEY and start BirdCar again."
		return []check{key}
	case err != nil:
		key.State, key.Found = checkBad, "MessageBird could not be asked."
		key.Do = "Load this page again. If it stays so, the log says more."
		s.Log.Error("the balance could not be asked for", "err", err)
		return []check{key}
	}
	key.State, key.Found = checkGood, "MessageBird accepts it."
	if balance.TestKey {
		key.State, key.Found = checkBad, "This is a test key: MessageBird sends nothing with it."
		key.Do = "Set the live key: copy it from the dashboard under Developers, API access, set MESSAGEBIRD_API_KEY and start BirdCar again."
	}
	return []check{key, checkBalance(balance), s.checkClock(balance.Answered)}
}

func checkBalance(b carrier.Balance) check {
	c := check{Name: "Balance", State: checkGood, Found: fmt.Sprintf("%.2f %s, %s.", b.Amount, b.Type, b.Payment)}
	if b.Payment == "prepaid" && b.Amount <= 0 {
		c.State, c.Do = checkBad, "Top the account up: MessageBird sends nothing without a balance. Texts wait until then, and none is lost."
	}
	return c
}

// apart is how much our clock and the carrier's may differ: signatures are good
// for a short time only.
const apart = 30 * time.Second

func (s *Server) checkClock(theirs time.Time) check {
	c := check{Name: "Clock", State: checkOpen, Found: "MessageBird did not say what time it is there."}
	if theirs.IsZero() {
		return c
	}
	off := s.Now().Sub(theirs).Abs().Round(time.Second)
	c.State, c.Found = checkGood, fmt.Sprintf("%v apart from MessageBird's.", off)
	if off > apart {
		c.State, c.Do = checkBad, "Set this machine's clock, best by NTP: with a wrong clock, valid signatures are refused and texts name wrong times."
	}
	return c
}

func (s *Server) checkSending() check {
	c := check{Name: "Texts leave", State: checkGood, Found: "Nothing holds them up."}
	if s.Sending == nil {
		c.State, c.Found = checkOpen, "Not known."
	} else if status := s.Sending(); status.Stopped {
		c.State, c.Found = checkBad, "Sending is paused: "+status.Reason
		c.Do = whatToDo(status)
	}
	return c
}

// whatToDo is what somebody does about texts that do not leave.
func whatToDo(stopped masking.SendingStatus) string {
	if stopped.Account {
		return "Texts wait, and none is lost. If the balance is used up, top it up, and they leave by themselves. If the key is refused, set MESSAGEBIRD_API_KEY to a new one and start BirdCar again."
	}
	return "Texts wait, and none is lost. They leave by themselves once the carrier answers again."
}

func (s *Server) checkSignature() check {
	if s.Simulated {
		return check{Name: "Signing key", State: checkOptional, Found: "The simulator signs its webhooks, and BirdCar knows its key.",
			Do: "To go live, set MESSAGEBIRD_SIGNING_KEY to the signing key of your MessageBird account, from the dashboard under Developers, Settings."}
	}
	if s.Verifier == nil {
		return check{Name: "Signing key", State: checkBad, Found: "None is set: webhooks are let in by the token in their URL alone.",
			Do: "Copy the signing key from the dashboard under Developers, Settings, set MESSAGEBIRD_SIGNING_KEY and start BirdCar again."}
	}
	return check{Name: "Signing key", State: checkGood, Found: "Set. Webhooks with a wrong signature are refused."}
}

func (s *Server) checkPublicURL() check {
	c := check{Name: "Public URL", State: checkGood, Found: s.PublicURL}
	host := s.origin.Hostname()
	ip := net.ParseIP(host)
	switch {
	case host == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsPrivate()):
		c.State, c.Do = checkBad, "MessageBird cannot reach this address. Open a tunnel or a server with a public name, set PUBLIC_URL to it, and start BirdCar again."
		if s.Simulated {
			c.State, c.Do = checkOptional, "Good enough for the simulator. MessageBird needs an address that it can reach from outside."
		}
	case s.origin.Scheme != "https":
		c.State, c.Do = checkBad, "Use https: over http, whoever listens reads the texts and the token."
	}
	return c
}

func (s *Server) checkWebhook(ctx context.Context, kind webhookKind, name, try string, stored func(context.Context) (time.Time, error)) check {
	taken, refused := s.seen.last(kind)
	if taken.IsZero() && stored != nil {
		taken, _ = stored(ctx) // an unreadable database has a line of its own
	}
	switch {
	case refused.After(taken):
		return check{Name: name, State: checkBad, Found: "One was refused " + s.when(refused) + ".",
			Do: "Its token or its signature is wrong. Paste the URL below into the flow again, and look whether PUBLIC_URL is exactly the address in it and MESSAGEBIRD_SIGNING_KEY is this account's."}
	case taken.IsZero():
		return check{Name: name, State: checkOpen, Found: "None yet.", Do: try}
	}
	return check{Name: name, State: checkGood, Found: "The last one came " + s.when(taken) + "."}
}

func (s *Server) checkDatabase(ctx context.Context) []check {
	c := check{Name: "Database", State: checkGood}
	h, err := s.Store.Health(ctx)
	if err != nil {
		s.Log.Error("the database is not well", "err", err)
		c.State, c.Found = checkBad, "It cannot be read and written."
		c.Do = "The log says why. Until then webhooks are answered with 503, and MessageBird brings them again."
		return []check{c}
	}
	safe := "texts survive a power failure"
	if !h.Durable {
		safe = h.Setting
	}
	c.Found = fmt.Sprintf("%s, %s; %s; a write takes %.1f ms.", h.Engine, size(h.Size), safe, float64(h.Write.Microseconds())/1000)
	switch {
	case !h.Durable:
		c.State, c.Do = checkBad, "With these settings a power failure loses texts that were taken. Turn them on."
	case h.Damage != "":
		c.State, c.Found = checkBad, "It is damaged: "+h.Damage
		c.Do = "Stop BirdCar, keep a copy of the file, and go back to the last backup."
	case h.Checked:
		c.Found += " No damage found."
	}
	checks := []check{c}
	if h.Total > 0 {
		checks = append(checks, checkDisk(h.Free, h.Total))
	}
	return checks
}

func checkDisk(free, total int64) check {
	const least, leastShare = 1 << 30, 20 // 1 GB, or a twentieth of the disk
	c := check{Name: "Disk space", State: checkGood, Found: fmt.Sprintf("%s free of %s.", size(free), size(total))}
	if free < least && free < total/leastShare {
		c.State, c.Do = checkBad, "Make room: without any, texts cannot be stored, and webhooks are answered with 503."
	}
	return c
}

func size(bytes int64) string {
	switch {
	case bytes >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(bytes)/1e9)
	case bytes >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
	}
	return fmt.Sprintf("%d kB", bytes/1000)
}

// askSignOut is where the bar's button leads when nothing but a restart would let in again.
func (s *Server) askSignOut(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, s.signOutQuestion("Sign out", "This browser has to sign in again.", "/logout", "/"))
}

func (s *Server) askSignOutAll(w http.ResponseWriter, r *http.Request) error {
	return s.ask(w, r, s.signOutQuestion("Sign out everywhere",
		"Every browser that is signed in, this one too, has to sign in again.", "/sign-out-everywhere", "/setup"))
}

func (s *Server) signOutQuestion(verb, does, action, back string) question {
	facts := []string{does, "Texts and calls go on."}
	if s.Password == "" {
		facts = append(facts, "ADMIN_PASSWORD is not set, so signing in again needs a new login link: each start of BirdCar prints one.")
	}
	return question{Title: verb + "?", Facts: facts, Action: action, Verb: verb, Back: back}
}

// signOutAll ends every session, this one too.
func (s *Server) signOutAll(w http.ResponseWriter, r *http.Request) error {
	if err := s.Store.SignOutAll(r.Context()); err != nil {
		return err
	}
	if err := s.sessions.Destroy(r.Context()); err != nil {
		return err
	}
	return s.redirect(w, r, "/login", "")
}
