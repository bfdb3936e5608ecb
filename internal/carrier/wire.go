package carrier

import "time"

// The JSON of MessageBird's API for messages, as whoever plays MessageBird reads
// and writes it. Source: the answers that the SDK's own tests hold.

// WireSend is the body of POST /messages.
type WireSend struct {
	Originator string   `json:"originator"`
	Body       string   `json:"body"`
	Recipients []string `json:"recipients"`
	Type       string   `json:"type,omitempty"`
	Reference  string   `json:"reference,omitempty"`
	DataCoding string   `json:"datacoding,omitempty"`
	MClass     int      `json:"mclass,omitempty"`
	ReportURL  string   `json:"reportUrl,omitempty"`
}

// WireMessage is a message in the answers to POST /messages, GET /messages/{id}
// and GET /messages. Pointers are null when nil; times are in WireTime's form.
type WireMessage struct {
	ID                string         `json:"id"`
	Href              string         `json:"href"`
	Direction         string         `json:"direction"` // mt: to a phone; mo: from one
	Type              string         `json:"type"`
	Originator        string         `json:"originator"` // a number here would not decode
	Body              string         `json:"body"`
	Reference         *string        `json:"reference"`
	Validity          *int           `json:"validity"`
	Gateway           int            `json:"gateway"`
	TypeDetails       struct{}       `json:"typeDetails"`
	DataCoding        string         `json:"datacoding"`
	MClass            int            `json:"mclass"`
	ReportURL         string         `json:"reportUrl,omitempty"`
	ScheduledDatetime *string        `json:"scheduledDatetime"`
	CreatedDatetime   string         `json:"createdDatetime"`
	Recipients        WireRecipients `json:"recipients"`
}

// WireRecipients are a message's recipients and how many of them it reached.
type WireRecipients struct {
	TotalCount               int             `json:"totalCount"`
	TotalSentCount           int             `json:"totalSentCount"`
	TotalDeliveredCount      int             `json:"totalDeliveredCount"`
	TotalDeliveryFailedCount int             `json:"totalDeliveryFailedCount"`
	Items                    []WireRecipient `json:"items"`
}

// WireRecipient is one recipient of a message.
type WireRecipient struct {
	Recipient        int64   `json:"recipient"` // digits; a string here would not decode
	Status           string  `json:"status"`    // scheduled, sent, buffered, delivered, expired, delivery_failed
	StatusDatetime   *string `json:"statusDatetime"`
	StatusReason     *string `json:"statusReason"`
	StatusErrorCode  *int    `json:"statusErrorCode"`
	MessagePartCount int     `json:"messagePartCount"`
}

// WireList is the answer to GET /messages.
type WireList struct {
	Offset     int           `json:"offset"`
	Limit      int           `json:"limit"`
	Count      int           `json:"count"` // of Items
	TotalCount int           `json:"totalCount"`
	Links      WireLinks     `json:"links"`
	Items      []WireMessage `json:"items"`
}

// WireLinks are the addresses of a list's pages; nil is null.
type WireLinks struct {
	First    *string `json:"first"`
	Previous *string `json:"previous"`
	Next     *string `json:"next"`
	Last     *string `json:"last"`
}

// WireErrors is the body of every answer that is not a success.
type WireErrors struct {
	Errors []WireError `json:"errors"`
}

// WireError is one reason for a refusal.
type WireError struct {
	Code        int    `json:"code"`
	Description string `json:"description"`
	Parameter   string `json:"parameter"` // the field at fault
}

// WireTime is t as MessageBird writes it: "2026-11-28T18:05:00+00:00".
func WireTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }
