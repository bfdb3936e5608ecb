package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"birdcar/internal/masking"
)

const (
	messagesOnPage  = 50
	countedMessages = 1000 // more are not counted one by one
)

// The lists of messages that need somebody's eye.
const (
	showFailed  = "failed"
	showWaiting = "waiting"
	showUnknown = "unknown"
)

type messagesPage struct {
	Show     string
	Tabs     []tab
	Messages []masking.Message
	Names    map[int64]string // whose the texts of rides are, by the texts' ids
	Again    map[int64]bool   // the ids of those that can be sent again
	Later    bool
	Next     string // where the list goes on; empty: it does not
	Oldest   masking.Waiting
}

// tab leads to one of several lists on a page.
type tab struct {
	Href, Name string
	Count      int
	More       bool // than Count
	Current    bool
}

func (s *Server) listMessages(w http.ResponseWriter, r *http.Request) error {
	ctx, query := r.Context(), r.URL.Query()
	page := messagesPage{Show: query.Get("show")}
	before := readID(query.Get("before"))
	page.Later = before != 0
	var err error
	switch page.Show {
	case showWaiting:
		page.Messages, err = s.Store.WaitingMessages(ctx, messagesOnPage+1)
	case showUnknown:
		page.Messages, err = s.Store.UnroutedTexts(ctx, before, messagesOnPage+1)
	default:
		page.Show = showFailed
		page.Messages, err = s.Store.FailedMessages(ctx, before, messagesOnPage+1)
	}
	if err != nil {
		return err
	}
	if len(page.Messages) > messagesOnPage {
		page.Messages = page.Messages[:messagesOnPage]
		if page.Show != showWaiting {
			page.Next = address("/messages", "show", page.Show, "before", strconv.FormatInt(page.Messages[messagesOnPage-1].ID, 10))
		}
	}
	if page.Names, err = s.namesIn(ctx, page.Messages); err != nil {
		return err
	}
	if page.Show == showFailed {
		if err := s.findSendable(r, &page, before); err != nil {
			return err
		}
	}
	if err := s.countMessages(r, &page); err != nil {
		return err
	}
	return s.Render(w, r, http.StatusOK, "messages", page)
}

// namesIn are the people of rides whom messages are from or for, by the messages' ids.
func (s *Server) namesIn(ctx context.Context, messages []masking.Message) (map[int64]string, error) {
	names, rides := make(map[int64]string, len(messages)), map[int64]masking.Ride{0: {}}
	for _, m := range messages {
		ride, known := rides[m.RideID]
		if !known {
			var err error
			if ride, err = s.Store.Ride(ctx, m.RideID); err != nil && !errors.Is(err, masking.ErrNotFound) {
				return nil, err
			}
			rides[m.RideID] = ride
		}
		if p, known := partyOf(ride, m.Role, personal(m)); known {
			names[m.ID] = p.Name
		}
	}
	return names, nil
}

// personal is the number of the person whom a message is from or for.
func personal(m masking.Message) masking.Number {
	if m.Kind == masking.Inbound {
		return m.From
	}
	return m.To
}

// findSendable notes which of the failed messages below before can be sent again. Those of a ride
// that is over cannot: its number may connect other people now.
func (s *Server) findSendable(r *http.Request, page *messagesPage, before int64) error {
	ids, err := s.Store.FailedOfLive(r.Context(), before, messagesOnPage)
	page.Again = make(map[int64]bool, len(ids))
	for _, id := range ids {
		page.Again[id] = true
	}
	return err
}

func (s *Server) countMessages(r *http.Request, page *messagesPage) (err error) {
	if page.Oldest, err = s.Store.Waiting(r.Context(), countedMessages); err != nil {
		return err
	}
	failed, unrouted, err := s.Store.Attention(r.Context(), countedMessages+1)
	page.Tabs = []tab{
		{Href: "/messages", Name: "Failed", Count: min(failed, countedMessages), More: failed > countedMessages, Current: page.Show == showFailed},
		{Href: "/messages?show=waiting", Name: "Waiting", Count: page.Oldest.Texts, More: page.Oldest.More, Current: page.Show == showWaiting},
		{Href: "/messages?show=unknown", Name: "From unknown senders", Count: min(unrouted, countedMessages), More: unrouted > countedMessages, Current: page.Show == showUnknown},
	}
	return err
}

// Tab is the list that is shown.
func (p messagesPage) Tab() tab {
	for _, t := range p.Tabs {
		if t.Current {
			return t
		}
	}
	return tab{}
}

type messagePage struct {
	Message masking.Message
	Name    string // of the person whom it is from or for; empty: nobody on the lists
	Again   bool   // it can be sent again
	Problem string // why it cannot, of one that failed
}

// message is the one that the address names, or masking.ErrNotFound.
func (s *Server) message(r *http.Request) (masking.Message, error) {
	return s.Store.Message(r.Context(), readID(chi.URLParam(r, "id")))
}

func (s *Server) showMessage(w http.ResponseWriter, r *http.Request) error {
	m, err := s.message(r)
	if err != nil {
		return err
	}
	repeats, err := s.Store.HasAnswer(r.Context(), m.ID, m.Kind)
	if err != nil {
		return err
	}
	ride, err := s.Store.Ride(r.Context(), m.RideID)
	if err != nil && !errors.Is(err, masking.ErrNotFound) {
		return err
	}
	page := messagePage{Message: m}
	if p, known := partyOf(ride, m.Role, personal(m)); known {
		page.Name = p.Name
	}
	if m.State == masking.Failed && !repeats {
		if page.Again = err == nil && ride.State != masking.Closed; !page.Again {
			page.Problem = masking.ProblemRideOver
		}
	}
	return s.Render(w, r, http.StatusOK, "message", page)
}

// sendAgain leads back to the page that its button is on.
func (s *Server) sendAgain(w http.ResponseWriter, r *http.Request) error {
	if err := readForm(r); err != nil {
		return err
	}
	m, err := s.message(r)
	if err != nil {
		return err
	}
	back := localPath(r.PostForm.Get("back"))
	if err := s.Exchange.SendAgain(r.Context(), m.ID); err != nil {
		return s.decline(w, r, question{Title: "The text was not sent again", Back: back}, err)
	}
	return s.redirect(w, r, back, "The text is sent again.")
}

func (s *Server) askSendAllAgain(w http.ResponseWriter, r *http.Request) error {
	failed, err := s.Store.CountFailedOfLive(r.Context(), countedMessages+1)
	if err != nil {
		return err
	}
	many := count(min(failed, countedMessages), failed > countedMessages, "failed text", "failed texts")
	q := question{Title: "Send " + many + " again?", Action: "/messages/again", Verb: "Send all again", Back: "/messages",
		Facts: []string{
			"Each goes to the person it was meant for, and costs what a text costs.",
			"Texts of rides that are over stay where they are: their numbers may connect other people now.",
		}}
	if failed == 0 {
		q.Title, q.Problem = "Send failed texts again?", "No text has failed that could be sent again."
	}
	return s.ask(w, r, q)
}

func (s *Server) sendAllAgain(w http.ResponseWriter, r *http.Request) error {
	sent, refused, err := s.Exchange.SendAllAgain(r.Context())
	if err != nil {
		return err
	}
	said := count(sent, false, "text is", "texts are") + " sent again."
	if refused > 0 {
		said += " " + count(refused, false, "text is", "texts are") + " not, because the ride is over."
	}
	return s.redirect(w, r, "/messages", said)
}

// count is "1 text", "3 texts" or, when there are more, "1000+ texts".
func count(n int, more bool, one, many string) string {
	switch {
	case more:
		return fmt.Sprintf("%d+ %s", n, many)
	case n == 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
