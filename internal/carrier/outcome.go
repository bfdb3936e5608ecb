package carrier

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	messagebird "github.com/messagebird/go-rest-api/v9"

	"birdcar/internal/masking"
)

// The codes of MessageBird's errors that say who is at fault. Source: the
// responses of its PHP SDK; 98 and 99 as its older documentation lists them.
const (
	codeNotAllowed  = 2
	codeNoBalance   = 25
	codeNoSuchAPI   = 98
	codeServerFault = 99
)

// outcome says what a try that brought no usable answer means. Whatever is not
// clear is Unknown: taking a message that was sent for one that was not would
// send it twice. The reason never holds err's own words, which may be the whole
// answer or an address with phone numbers in it.
func outcome(err error, a *attempt) *masking.CarrierError {
	why := refusal(err)
	e := &masking.CarrierError{Outcome: masking.Unknown, Code: why.Code, RetryAfter: a.retryAfter}
	switch status := a.status; {
	case status == 0 && !a.connected.Load():
		e.Outcome, e.NoConnection, e.Reason = masking.NotTaken, true, "MessageBird could not be reached."
	case status == 0 && isTimeout(err):
		e.Reason = "MessageBird did not answer in time."
	case status == 0:
		e.Reason = "The connection to MessageBird broke before it answered."
	case status == http.StatusTooManyRequests:
		e.Outcome, e.Reason = masking.NotTaken, "MessageBird asks to send more slowly (status 429)."
	case status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusPaymentRequired:
		e.Outcome, e.Reason = masking.Refused, why.words("account", status)
	case status >= 500:
		e.Reason = fmt.Sprintf("MessageBird has trouble (status %d).", status)
	case status < 400 || status == http.StatusRequestTimeout || why.Code == 0:
		e.Reason = fmt.Sprintf("MessageBird's answer could not be read (status %d).", status)
	case why.Code == codeNotAllowed, why.Code == codeNoBalance, why.Code == codeNoSuchAPI:
		e.Outcome, e.Reason = masking.Refused, why.words("account", status)
	case why.Code == codeServerFault:
		e.Reason = fmt.Sprintf("MessageBird has trouble (code %d).", why.Code)
	default: // 9 and 10: its fields; 20 and 21; and others that may come
		e.Outcome, e.Reason = masking.Rejected, why.words("message", status)
	}
	return e
}

// refused is MessageBird's own error; its zero is none.
type refused messagebird.Error

// refusal finds MessageBird's error in the SDK's. Of several, one that blames the
// account counts: it holds for every message.
func refusal(err error) refused {
	var answer messagebird.ErrorResponse
	if !errors.As(err, &answer) || len(answer.Errors) == 0 {
		return refused{}
	}
	for _, e := range answer.Errors {
		if e.Code == codeNotAllowed || e.Code == codeNoBalance {
			return refused(e)
		}
	}
	return refused(answer.Errors[0])
}

// parameters are the fields of POST /messages in words.
var parameters = map[string]string{
	"access_key": "API key",
	"body":       "text",
	"originator": "proxy number as sender",
	"recipient":  "recipient",
	"recipients": "recipient",
	"reportUrl":  "address for delivery reports",
}

// words tells an admin what was refused and why; blamed is who is at fault when
// the error names no field.
func (r refused) words(blamed string, status int) string {
	if field, ok := parameters[r.Parameter]; ok {
		blamed = field
	}
	words := "MessageBird refused the " + blamed
	if description := quote(r.Description); description != "" {
		words += ": " + description
	}
	if r.Code == 0 {
		return fmt.Sprintf("%s (status %d).", words, status)
	}
	return fmt.Sprintf("%s (code %d).", words, r.Code)
}

// quote makes a carrier's words fit to show and to log: one short line in which
// what may be a phone number is hidden.
func quote(s string) string {
	const limit = 200
	s = numbers.ReplaceAllString(masking.CleanLine(s), "•••")
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit]) + "…"
	}
	return strings.TrimRight(s, " .")
}

// numbers are runs of seven digits or more, however grouped.
var numbers = regexp.MustCompile(`\+?\d(?:[ .()/-]{0,2}\d){6,}`)

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
