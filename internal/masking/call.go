package masking

import "time"

// Call is an inbound call as the carrier told it.
type Call struct {
	From Number // zero: hidden or not a number
	To   Number // the number called
}

// Route says: when Party dials Number, connect Peer, who sees PeerNumber.
// For a ride of BirdCar both numbers are the ride's one proxy number.
type Route struct {
	RideID     int64
	Role       Role // Party's in the ride
	Party      Number
	Number     Number
	Peer       Number
	PeerNumber Number
	Released   time.Time // zero: live
}

// CallFlow is what the carrier shall do with a call: transfer it, or say something.
// Exactly one of the two is set.
type CallFlow struct {
	Transfer Number // masked: the other side sees the number that was called
	Say      string
}

// CallOutcome is what became of a call.
type CallOutcome string

// The outcomes of a call.
const (
	Connected     CallOutcome = "connected"
	CallUnknown   CallOutcome = "unknown"     // nobody with a ride on that number, or hidden
	CallEnded     CallOutcome = "ended"       // a party whose ride was released
	CallNotServed CallOutcome = "unavailable" // we could not look
)

// CallRecord is a call in a ride's history.
type CallRecord struct {
	ID      int64
	RideID  int64 // 0: of no ride
	From    Number
	Number  Number // the proxy number called
	To      Number // whom it was connected to; zero: nobody
	Outcome CallOutcome
	At      time.Time
}

// EventKind says what an Event tells.
type EventKind string

// The kinds of events, in the order a text or call meets them.
const (
	TextIn       EventKind = "text_in"       // a webhook brought a text
	RouteFound   EventKind = "route_found"   // the other party is known
	RouteMissing EventKind = "route_missing" // nobody to connect
	MessageMoved EventKind = "message_moved" // an outbound message changed its state
	CallIn       EventKind = "call_in"
	RideChanged  EventKind = "ride_changed"
	ListsChanged EventKind = "lists_changed" // customers, drivers or numbers
	SendingMoved EventKind = "sending_moved" // the carrier was paused or is back
)

// Event tells those who watch live what just happened. It carries no number and
// no text: whoever may see those reads them from the store.
type Event struct {
	Kind      EventKind
	At        time.Time
	RideID    int64
	MessageID int64
	State     MessageState // of MessageMoved
}

// As is e as an event of another kind.
func (e Event) As(kind EventKind) Event {
	e.Kind = kind
	return e
}
