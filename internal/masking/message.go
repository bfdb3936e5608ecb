package masking

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Text is an inbound text as a carrier's webhook told it.
type Text struct {
	CarrierID string // the carrier's own id; may be empty
	From, To  Number
	Body      string
	Created   string // when it was sent, as the carrier wrote it; may be empty
}

// Key tells a repeated webhook from a new text: the carrier's id, or without one
// a hash of originator, recipient, body and created time.
func (t Text) Key() string {
	if t.CarrierID != "" {
		return "id:" + t.CarrierID
	}
	h := sha256.New()
	for _, part := range []string{t.From.e164, t.To.e164, t.Created, t.Body} {
		h.Write([]byte(part))
		h.Write([]byte{0}) // Clean drops NUL, so parts cannot run into each other
	}
	return "hash:" + hex.EncodeToString(h.Sum(nil))
}

// Kind says why a message exists.
type Kind string

// The kinds of messages. Only Inbound ones come in; the others go out.
const (
	Inbound      Kind = "inbound"
	Confirming   Kind = "confirming"    // tells a party about its ride
	Cancelling   Kind = "cancelling"    // tells a party that the ride was cancelled
	Relaying     Kind = "relaying"      // forwards an inbound text to the other party
	RideOver     Kind = "ride_over"     // answers a text that came after the release
	NotDelivered Kind = "not_delivered" // tells a sender that a relayed text failed
)

// MessageState is how far a message came.
type MessageState string

// Outbound messages go queued → sending → sent → delivered or failed, and never
// back from the last two. Inbound ones end where they start.
const (
	Queued    MessageState = "queued"
	Sending   MessageState = "sending"
	Sent      MessageState = "sent"
	Delivered MessageState = "delivered"
	Failed    MessageState = "failed"

	Relayed   MessageState = "relayed"    // inbound, forwarded to the other party
	Unrouted  MessageState = "unrouted"   // inbound, from nobody with a ride on that number
	AfterRide MessageState = "after_ride" // inbound, from a party whose ride was released
	Looped    MessageState = "looped"     // inbound, from one of the pool's own numbers: dropped
)

// Message is a text that came in or goes out: the log and the outbox in one.
type Message struct {
	ID        int64
	Kind      Kind
	State     MessageState
	RideID    int64 // 0: of no ride
	Role      Role  // of who wrote it in the ride, or whom it is for; empty: of no ride, or from before that was stored
	CauseID   int64 // the message that this one forwards, answers or repeats; 0: none
	Part      int   // of a text too long for one message: 0 is the first
	From, To  Number
	Body      string
	CarrierID string // the carrier's id of it
	Reference string // ours, for the carrier to find it by; outbound only

	Attempts  int       // tries to send it that came to nothing; fences the marks
	Claimed   time.Time // when the newest claim to send it began
	Uncertain time.Time // when the first attempt began whose outcome is not known; zero: none
	Due       time.Time // queued: not before; sending: when the claim lapses
	Code      int       // the carrier's error code; 0: none
	Reason    string    // why it failed or waits, in words
	Created   time.Time
	SentAt    time.Time // zero: not sent
	Settled   time.Time // when delivered or failed; zero: neither
}

// Own reports whether the words of m are ours, and not somebody's whom we pass on.
func (m Message) Own() bool { return m.Kind != Inbound && m.Kind != Relaying }

// Outcome is what an error of the carrier means for the message and for the queue.
type Outcome string

// The outcomes of a failed try to send.
const (
	Rejected Outcome = "rejected"  // the message is at fault: it fails
	Refused  Outcome = "refused"   // the account is at fault: sending pauses, nothing fails
	NotTaken Outcome = "not_taken" // certainly not sent: try again later
	Unknown  Outcome = "unknown"   // perhaps sent: ask the carrier before trying again
)

// CarrierError is a carrier's answer to a try to send, or the lack of one.
type CarrierError struct {
	Outcome    Outcome
	Code       int           // the carrier's code; 0: none
	Reason     string        // in words, without numbers or texts of people
	RetryAfter time.Duration // how long the carrier asks to wait; 0: it does not say

	NoConnection bool // the carrier was not even found: no message is at fault
}

func (e *CarrierError) Error() string { return string(e.Outcome) + ": " + e.Reason }

// Report is a delivery report: what became of a message after it was sent.
type Report struct {
	CarrierID string
	Reference string
	State     MessageState // Sent, Delivered or Failed
	Code      int
	Reason    string // in words; for Failed
}
