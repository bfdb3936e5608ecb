package masking

import (
	"strings"
	"time"
)

// Roster is a list of customers or drivers that somebody brings in from a file:
// first it is planned and looked at, then written.
type Roster struct {
	ID      int64
	Role    Role
	State   RosterState
	Lines   int // of the file; the last one's number
	Written int // lines up to this one are written
	Counts  map[Verdict]int
	Created time.Time
}

// RosterState is how far a roster came.
type RosterState string

// A roster is planned until somebody starts it.
const (
	RosterPlanned RosterState = "planned"
	RosterRunning RosterState = "running"
	RosterDone    RosterState = "done"
)

// RosterLine is a line of a roster's file, and what will become of it or did.
type RosterLine struct {
	Line         int
	Name, Number string // as they are in the file
	Verdict      Verdict
	Note         string // why, in words
}

// Verdict says what becomes of a line of a roster.
type Verdict string

// The verdicts.
const (
	Add    Verdict = "add"    // nobody on the list has the number
	Change Verdict = "change" // one person on the list has the number, under another name
	Known  Verdict = "known"  // somebody on the list has the number and the name
	Refuse Verdict = "refuse"
)

// NameProblem is what is wrong with the line's name, or nothing.
func (l RosterLine) NameProblem() string {
	if strings.Contains(l.Name, "\uFFFD") {
		return "This name holds characters that cannot be read. Save the file as CSV in UTF-8."
	}
	return CheckName(l.Name)
}

// Judge says what becomes of a line of a roster, given its number, those on the list who have
// the same one, and whether it is one of the pool's.
func Judge(l RosterLine, number Number, onList []Party, inPool bool) (Verdict, string) {
	if number.IsZero() {
		return Refuse, NumberProblem
	}
	if problem := l.NameProblem(); problem != "" {
		return Refuse, problem
	}
	if inPool {
		return Refuse, "This is one of your proxy numbers. A person's own number is needed."
	}
	for _, other := range onList {
		if other.Name == l.Name {
			return Known, "On the list already."
		}
	}
	switch len(onList) {
	case 0:
		return Add, ""
	case 1:
		return Change, "The name changes from " + onList[0].Name + "."
	}
	return Refuse, "Several people on the list have this number, so it is not clear whose name changes."
}
