package carrier

import (
	"context"
	"strconv"
	"time"

	"github.com/messagebird/go-rest-api/v9/sms"

	"birdcar/internal/masking"
)

const (
	findPage   = 20 // the API's default; no larger one is documented
	maxPages   = 100
	findMargin = time.Hour // for clocks that drift, generously
)

// Find asks MessageBird whether it has m, by its reference and recipient, and
// returns its id there. Only a look at all messages that may be m is a certain
// no: masking.ErrNotFound. Any other error is a *masking.CarrierError that leaves
// the question open: Unknown, or Refused when the account is at fault. The list
// may lag behind, so a no soon after the attempt says little.
func (c *Client) Find(ctx context.Context, m masking.Message) (carrierID string, err error) {
	if m.Reference == "" || m.From.IsZero() || m.To.IsZero() {
		return "", &masking.CarrierError{Outcome: masking.Unknown, Reason: "The message lacks what MessageBird could find it by."}
	}
	search := search{newestFirst: true}
	for offset, pages := 0, 0; pages < maxPages; pages++ {
		page, answered, err := c.list(ctx, m.From, offset)
		if err != nil {
			return "", err
		}
		tried := triedAfter(m.Uncertain, c.cfg.Now(), answered)
		for i := range page.Items {
			if matches(&page.Items[i], m) {
				return messageID(&page.Items[i]), nil
			}
			search.pass(page.Items[i].CreatedDatetime)
		}
		offset += len(page.Items)
		if offset >= page.TotalCount || search.isBefore(tried) {
			return "", masking.ErrNotFound
		}
		if len(page.Items) == 0 {
			break
		}
	}
	return "", &masking.CarrierError{Outcome: masking.Unknown, Reason: "MessageBird's list of messages could not be read to its end."}
}

// triedAfter is before the time of a try by MessageBird's clock; zero: it cannot be told. By ours
// the try began then and it is now, but ours may be wrong, or have been set since: MessageBird's
// answer, of now as well, tells what it is by its own.
func triedAfter(then, now, answered time.Time) time.Time {
	ago := now.Sub(then)
	if then.IsZero() || answered.IsZero() || ago < 0 { // a try to come: our clock was ahead, nobody knows how far
		return time.Time{}
	}
	if by := answered.Add(-ago); by.Before(then) {
		then = by
	}
	return then.Add(-findMargin)
}

// list reads one page of the messages sent from a number, answered then by MessageBird's
// clock; zero: it did not say.
func (c *Client) list(ctx context.Context, from masking.Number, offset int) (page *sms.MessageList, answered time.Time, err error) {
	a, cancel := c.attempt(ctx)
	defer cancel()
	page, err = sms.List(a, &sms.ListParams{Originator: from.Digits(), Direction: "mt", Limit: findPage, Offset: offset})
	if err == nil && readable(page.Limit, page.Offset, offset, page.Count, len(page.Items), page.TotalCount) {
		return page, a.answered(), nil
	}
	e := outcome(err, a)
	if e.Outcome != masking.Refused {
		e.Outcome = masking.Unknown // nothing about this request tells about the message
	}
	return nil, time.Time{}, e
}

// readable reports whether a page of a list is one: the SDK decodes any JSON, and
// an answer without a body, into an empty page.
func readable(limit, offset, asked, count, items, total int) bool {
	return limit > 0 && offset == asked && count == items && total >= offset+items
}

func matches(found *sms.Message, m masking.Message) bool {
	if found.Reference != m.Reference || messageID(found) == "" {
		return false
	}
	for _, r := range found.Recipients.Items {
		if strconv.FormatInt(r.Recipient, 10) == m.To.Digits() {
			return true
		}
	}
	return false
}

// search watches the order of a list. MessageBird documents none, so only a list
// that proves to run from new to old may be left before its end.
type search struct {
	newest, oldest time.Time
	newestFirst    bool
}

func (s *search) pass(created *time.Time) {
	switch {
	case created == nil || !s.oldest.IsZero() && created.After(s.oldest):
		s.newestFirst = false
	case s.newest.IsZero():
		s.newest, s.oldest = *created, *created
	default:
		s.oldest = *created
	}
}

// isBefore reports whether all that is left of the list is certainly older than t.
func (s *search) isBefore(t time.Time) bool {
	return s.newestFirst && s.newest.After(s.oldest) && s.oldest.Before(t)
}
