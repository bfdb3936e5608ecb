package masking

import (
	"strings"
	"testing"
	"time"
)

func TestTexts(t *testing.T) {
	at := time.Date(2026, 11, 30, 18, 5, 0, 0, time.UTC)
	for got, want := range map[string]string{
		Confirmation(Customer, "Bob", at): "Bob will pick you up at 2026-11-30 18:05. Reply to this message or call this number to contact the driver.",
		Confirmation(Driver, "Ada", at):   "Ada will wait for you at 2026-11-30 18:05. Reply to this message or call this number to contact the customer.",
		Cancellation(at):                  "Your ride at 2026-11-30 18:05 was cancelled.",
		SayEnded:                          "This ride has ended and its number is no longer connected.",
		SayUnknown:                        "Sorry, we cannot identify your transaction. Make sure you call in from the number you registered.",
		TextFailed:                        "Your message could not be delivered.",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRideRequest_Validate(t *testing.T) {
	good := RideRequest{CustomerID: 1, DriverID: 2, Start: "Dam 1", Destination: "Schiphol", At: time.Unix(1, 0)}
	tests := map[string]struct {
		change func(*RideRequest)
		field  string
	}{
		"all well":           {func(*RideRequest) {}, ""},
		"no places":          {func(r *RideRequest) { r.Start, r.Destination = "", "" }, ""},
		"no customer":        {func(r *RideRequest) { r.CustomerID = 0 }, "customer"},
		"no driver":          {func(r *RideRequest) { r.DriverID = -1 }, "driver"},
		"no time":            {func(r *RideRequest) { r.At = time.Time{} }, "datetime"},
		"the longest start":  {func(r *RideRequest) { r.Start = strings.Repeat("é", MaxPlace) }, ""},
		"a longer start":     {func(r *RideRequest) { r.Start = strings.Repeat("é", MaxPlace+1) }, "start"},
		"a long destination": {func(r *RideRequest) { r.Destination = strings.Repeat("é", MaxPlace+1) }, "destination"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := good
			test.change(&r)
			problems, _ := r.Validate().(Invalid)
			if len(problems) > 1 || test.field == "" && len(problems) > 0 || test.field != "" && problems[test.field] == "" {
				t.Errorf("got %v, want a problem with %q", problems, test.field)
			}
		})
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"Ada": true, "Ада": true, "R2 D2": true, strings.Repeat("é", MaxName): true, "Bob 123456": true,
		"": false, strings.Repeat("é", MaxName+1): false,
		"Bob 0612345678": false, "Bob +31 6 1234 5678": false, "Bob ٠٦١٢٣٤٥٦٧٨": false,
	} {
		if problem := CheckName(name); (problem == "") != good {
			t.Errorf("%q: got %q", name, problem)
		}
	}
}

func TestClean(t *testing.T) {
	for _, test := range []struct{ in, text, line string }{
		{"plain", "plain", "plain"},
		{"  two\n lines\t ", "  two\n lines\t ", "two lines"},
		{"a\x00b", "ab", "ab"},
		{"a\xffb", "a\uFFFDb", "a\uFFFDb"},
		{"bell\a", "bell\a", "bell"},
		{"\u00a0", "\u00a0", ""},
	} {
		if text, line := Clean(test.in), CleanLine(test.in); text != test.text || line != test.line {
			t.Errorf("%q: got %q and %q, want %q and %q", test.in, text, line, test.text, test.line)
		}
	}
}

func TestText_Key(t *testing.T) {
	from, _ := ParseCarrier("447700900101", "GB")
	to, _ := ParseCarrier("447700900901", "GB")
	base := Text{From: from, To: to, Body: "here", Created: "2026-11-21T10:00:00Z"}
	same := base
	if base.Key() != same.Key() {
		t.Error("the same text again has another key")
	}
	for name, change := range map[string]func(*Text){
		"sender": func(x *Text) { x.From = to }, "recipient": func(x *Text) { x.To = from },
		"body": func(x *Text) { x.Body = "her" }, "time": func(x *Text) { x.Created = "" },
		"id":                         func(x *Text) { x.CarrierID = "1" },
		"a letter on the other side": func(x *Text) { x.Body, x.Created = "ere", x.Created+"h" },
	} {
		other := base
		change(&other)
		if other.Key() == base.Key() {
			t.Errorf("another %s: the same key", name)
		}
	}
	a, b := Text{CarrierID: "1", Body: "x"}, Text{CarrierID: "1", Body: "y"}
	if a.Key() != b.Key() {
		t.Error("the carrier's id alone is not the key")
	}
}

func TestRide_Sender(t *testing.T) {
	phones := make([]Number, 3)
	for i, digits := range []string{"447700900101", "447700900201", "447700900299"} {
		phones[i], _ = ParseCarrier(digits, "GB")
	}
	ada, bob, other := phones[0], phones[1], phones[2]
	ride := Ride{Customer: Party{Role: Customer, Number: ada}, Driver: Party{Role: Driver, Number: bob}}
	for _, test := range []struct {
		from, reached Number
		want          Role
	}{
		{ada, bob, Customer}, {bob, ada, Driver}, {ada, other, ""}, {other, bob, ""}, {bob, other, ""}, {other, ada, ""}, {ada, ada, ""}, {ada, Number{}, ""},
	} {
		if got := ride.Sender(test.from, test.reached); got != test.want {
			t.Errorf("from %s to %s: got %q, want %q", test.from.E164(), test.reached.E164(), got, test.want)
		}
	}
	for _, role := range []Role{Customer, Driver} {
		if got := ride.Party(role); got.Role != role || ride.Other(role.Other()) != got || role.Other().Other() != role {
			t.Errorf("the %s is %+v", role, got)
		}
	}
	if got := Role("").Other(); got != "" {
		t.Errorf("the other of nobody is the %s", got)
	}
}
