// Package masking owns the words of the product and the rules that need nothing
// but their arguments: numbers, parties, rides, routes, messages and calls.
// It knows no database, no carrier and no HTTP.
package masking

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Role says which of a ride's two parties somebody is.
type Role string

// The two roles of a ride.
const (
	Customer Role = "customer"
	Driver   Role = "driver"
)

// Other is the role of the other party; none of none.
func (r Role) Other() Role {
	switch r {
	case Customer:
		return Driver
	case Driver:
		return Customer
	}
	return r
}

// Party is a customer or a driver on the platform's lists.
type Party struct {
	ID      int64
	Role    Role
	Name    string
	Number  Number
	Created time.Time
}

// MaxName and MaxPlace are the longest name and place taken, in characters.
const (
	MaxName  = 80
	MaxPlace = 200
)

// Validate reports what is wrong with the fields name and number, if anything.
func (p Party) Validate() error {
	problems := Invalid{}
	if problem := CheckName(p.Name); problem != "" {
		problems["name"] = problem
	}
	if p.Number.IsZero() {
		problems["number"] = NumberProblem
	}
	return problems.OrNil()
}

// NumberProblem tells somebody who typed no phone number what to type. What a
// number without its country code means depends on where BirdCar runs.
const NumberProblem = "This is not a phone number. Write it with its country code, like +31 6 12345678."

// CheckName says in words what is wrong with a name, or nothing. A name is sent
// to the other party, so it must not carry a phone number.
func CheckName(name string) string {
	switch {
	case name == "":
		return "The name is missing."
	case utf8.RuneCountInString(name) > MaxName:
		return "This name is too long: 80 characters at most."
	case countDigits(name) >= 7:
		return "This name looks like it holds a phone number. The other party reads it, so leave the number out."
	}
	return ""
}

func countDigits(s string) (n int) {
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// Clean makes a text from outside safe to store and to show: NUL and invalid
// UTF-8, which PostgreSQL refuses, are dropped or replaced, nothing else changes.
func Clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// CleanLine is Clean for one-line fields: white space and control characters
// become single spaces, none at the ends.
func CleanLine(s string) string {
	return strings.Join(strings.FieldsFunc(Clean(s), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
}

// ProblemHadRides is why a number that rides had is not deleted.
const ProblemHadRides = "Rides had this number and their history names it, so it stays. Drain it, then retire it."

// ProblemConnects is why a number is not retired.
const ProblemConnects = "Rides still connect through this number. Drain it first, and retire it when they have closed."

// ProblemHasRide is why somebody stays on the list who has a ride.
func ProblemHasRide(name string, ride int64) string {
	return fmt.Sprintf("%s has a ride that still connects (ride %d). Delete them when it has closed.", name, ride)
}

// PoolState says whether new rides may get a proxy number.
type PoolState string

// The states of a proxy number.
const (
	Available PoolState = "available" // new rides may get it
	Draining  PoolState = "draining"  // live routes keep working, no new ride gets it
	Retired   PoolState = "retired"   // no live routes, no new ride gets it
)

// ProxyNumber is a number of the pool that the platform owns at the carrier.
type ProxyNumber struct {
	ID         int64
	Number     Number
	Country    string // ISO 3166-1 alpha-2, or ZZ
	State      PoolState
	LiveRoutes int
	LastUsed   time.Time // zero: never given to a ride
	Created    time.Time
}
