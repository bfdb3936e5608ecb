package simulator

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"birdcar/internal/masking"
	"birdcar/web"
)

// choice is which two phones are on the table and which thread each shows.
type choice struct {
	ride                    int64
	left, right             masking.Number
	leftThread, rightThread string // the other end, as the carrier writes it; empty: the natural one
}

// values are c as query parameters and as hidden fields of forms.
func (c choice) values() url.Values {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	if c.ride != 0 {
		set("ride", strconv.FormatInt(c.ride, 10))
	}
	set("left", c.left.Digits())
	set("right", c.right.Digits())
	set("left-thread", c.leftThread)
	set("right-thread", c.rightThread)
	return v
}

func (c choice) path() string { return "/simulator?" + c.values().Encode() }

// choiceFrom reads a choice from a query or a form. What is not a number is left
// out, and problems names its field.
func (s *Simulator) choiceFrom(v url.Values) (c choice, problems masking.Invalid) {
	problems = masking.Invalid{}
	c.ride, _ = strconv.ParseInt(v.Get("ride"), 10, 64)
	for name, n := range map[string]*masking.Number{"left": &c.left, "right": &c.right} {
		typed := strings.TrimSpace(v.Get(name))
		if typed == "" {
			continue
		}
		var err error
		if *n, err = s.number(typed); err != nil {
			problems[name] = masking.NumberProblem
		}
	}
	c.leftThread, c.rightThread = v.Get("left-thread"), v.Get("right-thread")
	return c, problems
}

// number reads what was typed, or the digits that the pages' own links hold.
func (s *Simulator) number(typed string) (masking.Number, error) {
	if n, err := masking.ParseCarrier(typed, s.cfg.Country); err == nil {
		return n, nil
	}
	return masking.ParseNumber(typed, s.cfg.Country)
}

type person struct {
	name string
	role masking.Role
}

// choose completes c from the current rides and remembers whose phone is whose.
// A pair of phones stays on the table when its ride is over. ok is false when
// there are no phones to show.
func (s *Simulator) choose(c choice, rides []masking.Ride) (_ choice, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rides {
		s.meet(r)
	}
	i := slices.IndexFunc(rides, func(r masking.Ride) bool { return r.ID == c.ride })
	if i < 0 && len(rides) > 0 && (c.left.IsZero() || c.right.IsZero()) {
		i, c.ride = 0, rides[0].ID
	}
	if i >= 0 {
		ride := rides[i]
		s.meet(ride) // whoever is on both lists is in it as what it says
		if c.left.IsZero() {
			c.left = ride.Customer.Number
		}
		if c.right.IsZero() {
			c.right = ride.Driver.Number
		}
	}
	return c, !c.left.IsZero() && !c.right.IsZero()
}

// meet remembers whose phones a ride's two are. The caller holds mu.
func (s *Simulator) meet(r masking.Ride) {
	s.people[r.Customer.Number.Digits()] = person{r.Customer.Name, masking.Customer}
	s.people[r.Driver.Number.Digits()] = person{r.Driver.Name, masking.Driver}
}

// options are the current rides to choose from, with the chosen one marked.
func options(rides []masking.Ride, chosen int64) []rideOption {
	list := make([]rideOption, 0, len(rides))
	for _, r := range rides {
		list = append(list, rideOption{
			ID:       r.ID,
			Label:    "Ride " + strconv.FormatInt(r.ID, 10) + ": " + web.Isolated(r.Customer.Name) + " ↔ " + web.Isolated(r.Driver.Name),
			Selected: r.ID == chosen,
		})
	}
	return list
}
