package carrier

import (
	"errors"
	"net/url"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// ParseReport reads the query of GET /webhook-status: a delivery report. The
// error is one line that names the missing or wrong field.
func ParseReport(query url.Values) (masking.Report, error) {
	if len(query) > maxFields {
		return masking.Report{}, errors.New("the query has too many fields")
	}
	id, err := line(query, maxID, "id")
	if err != nil {
		return masking.Report{}, err
	}
	reference, err := line(query, maxID, "reference")
	if err != nil {
		return masking.Report{}, err
	}
	if id == "" && reference == "" {
		return masking.Report{}, errors.New("id is missing")
	}
	report := masking.Report{CarrierID: id, Reference: reference}
	switch status := query.Get("status"); status {
	case "scheduled", "sent", "buffered":
		report.State = masking.Sent
	case "delivered":
		report.State = masking.Delivered
	case "expired", "delivery_failed":
		report.State = masking.Failed
		report.Code, _ = strconv.Atoi(query.Get("statusErrorCode")) // often empty
		report.Reason = whyFailed(status, query.Get("statusReason"), report.Code)
	case "":
		return masking.Report{}, errors.New("status is missing")
	default:
		return masking.Report{}, errors.New("status is not one that MessageBird documents")
	}
	return report, nil
}

// The codes of delivery reports that say more than their reason does.
// Source: MessageBird's SMS platform extended error codes; nyaruka/courier for 103.
const codeOptedOut = 103

var unknownSubscriberCodes = map[int]bool{1: true, 2: true, 3: true, 5: true, 9: true, 10: true, 11: true, 12: true}

const (
	failedOptedOut = "The recipient opted out (STOP)."
	failedUnknown  = "No phone has this number."
	failedExpired  = "The phone was off or out of reach until the message expired."
)

var failures = map[string]string{
	"unknown subscriber":       failedUnknown,
	"unavailable subscriber":   "The phone was off or out of reach.",
	"expired":                  failedExpired,
	"opted out subscriber":     failedOptedOut,
	"dlr not received":         "The phone network never said whether the message arrived.",
	"generic delivery failure": "The phone network could not deliver the message.",
	"received network error":   "The phone network had an error.",
}

// whyFailed is in words what a failed report says in codes.
func whyFailed(status, reason string, code int) string {
	said, known := failures[strings.ToLower(strings.TrimSpace(reason))]
	switch {
	case code == codeOptedOut:
		return failedOptedOut
	case known:
		return said
	case unknownSubscriberCodes[code]:
		return failedUnknown
	case status == "expired":
		return failedExpired
	case reason != "":
		return "The phone network could not deliver the message: " + quote(reason) + "."
	}
	return "The phone network could not deliver the message."
}
