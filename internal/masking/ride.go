package masking

import (
	"time"
	"unicode/utf8"
)

// RideState is where a ride is in its life.
type RideState string

// A ride is open from its creation, lingering once it ended (both parties still
// connect: somebody forgot an item in the car), and closed once its routes are
// released.
const (
	Open      RideState = "open"
	Lingering RideState = "lingering"
	Closed    RideState = "closed"
)

// Ride is a customer and a driver who can reach each other through Proxy.
type Ride struct {
	ID          int64
	Customer    Party
	Driver      Party
	Proxy       ProxyNumber
	Start       string
	Destination string
	At          time.Time // when the driver picks the customer up
	State       RideState
	Cancelled   bool
	Created     time.Time
	Ended       time.Time // when it began to linger; zero before
	ClosedAt    time.Time // zero before
	Due         time.Time // when the clock moves it on; zero when closed
}

// Party is the party of the ride in role.
func (r Ride) Party(role Role) Party { return r.Other(role.Other()) }

// Other is the party of the ride that is not role.
func (r Ride) Other(role Role) Party {
	if role == Customer {
		return r.Driver
	}
	return r.Customer
}

// Sender is the role of who texted or called from a number and reached another, if these are the
// numbers that the two parties have today; else empty. One of them alone tells nothing: it
// may be the phone that the other party had then.
func (r Ride) Sender(from, reached Number) Role {
	for _, role := range []Role{Customer, Driver} {
		if from == r.Party(role).Number && reached == r.Other(role).Number {
			return role
		}
	}
	return ""
}

// RideRequest is what an admin asks for when creating a ride.
type RideRequest struct {
	CustomerID, DriverID int64
	Start, Destination   string
	At                   time.Time // zero: missing or unreadable
}

// PoolEmpty is what the admin reads when no number is left, in the tutorials' words.
const PoolEmpty = "No number available! Please extend your pool."

// The problems of a ride's fields that only the store can find.
const (
	ProblemCustomer = "Choose a customer from the list."
	ProblemDriver   = "Choose a driver from the list."
	ProblemSame     = "The customer and the driver have the same phone number, so neither could reach the other."
	ProblemInPool   = "This person's number is one of your proxy numbers. Correct it first."
)

// Validate reports what is wrong with the fields customer, driver, start,
// destination and datetime, as far as that needs no look at the store.
func (r RideRequest) Validate() error {
	problems := Invalid{}
	if r.CustomerID <= 0 {
		problems["customer"] = ProblemCustomer
	}
	if r.DriverID <= 0 {
		problems["driver"] = ProblemDriver
	}
	if r.At.IsZero() {
		problems["datetime"] = "Choose a date and time, like 2026-11-30 18:05."
	}
	if utf8.RuneCountInString(r.Start) > MaxPlace {
		problems["start"] = "This is too long: 200 characters at most."
	}
	if utf8.RuneCountInString(r.Destination) > MaxPlace {
		problems["destination"] = "This is too long: 200 characters at most."
	}
	return problems.OrNil()
}

// Confirmation is the text that tells one party of a ride about the other; at is
// the ride's time in the platform's zone.
func Confirmation(to Role, other string, at time.Time) string {
	if to == Customer {
		return other + " will pick you up at " + SpokenTime(at) +
			". Reply to this message or call this number to contact the driver."
	}
	return other + " will wait for you at " + SpokenTime(at) +
		". Reply to this message or call this number to contact the customer."
}

// Cancellation is the text that tells a party that its ride was cancelled.
func Cancellation(at time.Time) string {
	return "Your ride at " + SpokenTime(at) + " was cancelled."
}

// SpokenTime is how texts write a ride's time.
func SpokenTime(at time.Time) string { return at.Format("2006-01-02 15:04") }

// ProblemRideOver is why a text of a closed ride is not sent again.
const ProblemRideOver = "The ride is over and its number no longer connects these two, so it cannot be sent any more."

// Sentences that callers hear and senders read.
const (
	SayUnknown     = "Sorry, we cannot identify your transaction. Make sure you call in from the number you registered."
	SayEnded       = "This ride has ended and its number is no longer connected."
	SayUnavailable = "Sorry, we cannot connect your call right now. Please try again in a moment."
	TextFailed     = "Your message could not be delivered."
)
