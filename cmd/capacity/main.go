// Command capacity reckons what a day of rides needs, from stated assumptions: put
// in your own. It measures nothing and knows no other room.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"
)

func main() {
	a, err := read(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "capacity:", err)
		os.Exit(2)
	}
	fmt.Print(a.needs())
}

// read takes the assumptions from flags. The error is one line about one flag; asked for
// help, it prints them all and returns flag.ErrHelp.
func read(arguments []string) (a assumptions, err error) {
	flags := flag.NewFlagSet("capacity", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	figure := adding(flags, func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	span := adding(flags, time.ParseDuration)
	days := adding(flags, strconv.Atoi)
	figure(&a.rides, "rides", 10e6, 1, 1e9, "rides a day")
	figure(&a.peak, "peak", 3, 1, 100, "how many times the day's average the busiest minutes have")
	figure(&a.busy, "busy", 1.6, 1, 100, "how many times the day's average the busiest hours have, for as long as a ride connects")
	span(&a.open, "open", 45*time.Minute, 0, 240*time.Hour, "from a ride's first text to its end")
	span(&a.linger, "linger", 4*time.Hour, 0, 8760*time.Hour, "how long an ended ride still connects (LINGER)")
	figure(&a.textsIn, "texts", 2, 0, 1000, "texts that the two parties of a ride send")
	figure(&a.parts, "parts", 1.1, 1, 10, "messages that a text becomes")
	figure(&a.calls, "calls", 0.3, 0, 100, "calls in a ride")
	span(&a.call, "call", 2*time.Minute, 0, 24*time.Hour, "how long a call lasts")
	figure(&a.reports, "reports", 2, 0, 10, "delivery reports for each message sent")
	figure(&a.perDriver, "driver-rides", 25, 1, 1000, "rides a day of the busiest drivers")
	span(&a.shift, "shift", 12*time.Hour, time.Hour, 24*time.Hour, "how long their day is")
	days(&a.rest, "rest", 30, 0, 3650, "days before a driver shall get the same number again")
	figure(&a.numberRate, "number-rate", 1, 0.001, 1000, "messages a second that the carriers take from one number")
	figure(&a.numberDay, "number-day", 4000, 1, 1e8, "messages a day that the carriers take from one number")
	figure(&a.accountRate, "account-rate", 500, 0.1, 1e6, "messages a second that MessageBird takes from one account")
	figure(&a.load, "load", 0.5, 0.01, 1, "share of a limit that the peak may use")
	figure(&a.rideBytes, "ride-bytes", 4600, 100, 1e6, "bytes in the database for each ride with its texts and calls (measured: birdcar generate, on PostgreSQL; SQLite has half)")
	days(&a.kept, "kept", 30, 1, 36500, "days that a closed ride is kept (KEEP)")
	figure(&a.textCPU, "text-cpu", 0.3, 0, 1000, "milliseconds of processor for a text, from webhook to mark (measured, on PostgreSQL)")
	figure(&a.callCPU, "call-cpu", 0.06, 0, 1000, "milliseconds of processor for a call flow with its record (measured, on PostgreSQL)")
	figure(&a.rideCPU, "ride-cpu", 2, 0, 1000, "milliseconds of processor for a ride with its two confirmations (measured, on PostgreSQL)")
	figure(&a.reportCPU, "report-cpu", 0.06, 0, 1000, "milliseconds of processor for a delivery report")
	figure(&a.cores, "cores", 4, 0.1, 1024, "cores of an instance")
	err = flags.Parse(arguments)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Println("The assumptions, each with the range that it may be in:")
		flags.SetOutput(os.Stdout)
		flags.PrintDefaults()
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag; -h lists them", flags.Arg(0))
	}
	return a, err
}

// adding returns what adds a flag of values that parse reads, with the value it has if it is not given.
func adding[T float64 | int | time.Duration](flags *flag.FlagSet, parse func(string) (T, error)) func(to *T, name string, value, least, most T, usage string) {
	return func(to *T, name string, value, least, most T, usage string) {
		*to = value
		flags.Var(within[T]{to, least, most, parse}, name, usage)
	}
}

// within is a flag whose value lies in a range; NaN lies in none.
type within[T float64 | int | time.Duration] struct {
	to          *T
	least, most T
	parse       func(string) (T, error)
}

func (w within[T]) Set(s string) error {
	v, err := w.parse(s)
	if err != nil || !(v >= w.least && v <= w.most) {
		return fmt.Errorf("want %v to %v", w.least, w.most)
	}
	*w.to = v
	return nil
}

// String is also asked of the zero value, by the list of the flags.
func (w within[T]) String() string {
	if w.to == nil {
		return ""
	}
	return fmt.Sprintf("%v, of %v to %v", *w.to, w.least, w.most)
}

type assumptions struct {
	rides, peak, busy                    float64
	open, linger                         time.Duration
	textsIn, parts, calls, reports       float64
	call                                 time.Duration
	perDriver                            float64
	shift                                time.Duration
	rest                                 int
	numberRate, numberDay, accountRate   float64
	load                                 float64
	rideBytes                            float64
	kept                                 int
	textCPU, callCPU, rideCPU, reportCPU float64
	cores                                float64
}

// rideRows is what a ride's life writes besides its texts' marks: made, the ride, 2
// routes, 2 uses and the number, 2 confirmations and some 6 words to search by; ended, the
// ride; closed, the ride, 2 routes, 2 uses and the number twice.
const rideRows = 14 + 1 + 7

// forgottenRows is what deleting a ride after KEEP writes besides its texts and calls: the ride, 2 routes, 2 uses
// and 6 words; forgottenAtOnce is how many rides go in a transaction.
const (
	forgottenRows   = 1 + 2 + 2 + 6
	forgottenAtOnce = 20
)

// signatureRows is what a webhook's signature writes: noted when it is used, deleted once it has expired.
const signatureRows = 2

// need is one line of the answer.
type need struct{ what, how, much string }

// needs is the whole answer as a table in Markdown.
func (a assumptions) needs() string {
	average := a.rides / (24 * 60 * 60)
	ridesPeak := average * a.peak
	textsPeak := ridesPeak * a.textsIn
	outPerRide := (2 + a.textsIn) * a.parts
	outPeak := ridesPeak * outPerRide
	callsPeak := ridesPeak * a.calls
	reportsPeak := outPeak * a.reports
	webhooks := textsPeak + callsPeak + reportsPeak

	connected := a.open + a.linger
	live := average * a.busy * connected.Seconds()
	collision := a.perDriver * connected.Hours() / a.shift.Hours()
	if connected > a.shift { // the whole day, and the days before that still connect
		collision = a.perDriver * math.Ceil(connected.Hours()/24)
	}
	reuse := a.perDriver * float64(a.rest)
	byRate := outPeak / a.numberRate / a.load
	byDay := a.rides * outPerRide / a.numberDay
	pool := max(collision, reuse, byRate, byDay)

	// Each ride: made, lingering, closed. Each text: taken, marked. Each message sent:
	// marked, and once for each report that moves it. Calls share that of their records, but
	// the signature of each is noted alone; those of texts and reports are noted with them.
	// What was kept long enough is deleted all day, as much as comes in on average.
	writes := ridesPeak*3 + textsPeak + outPeak*(1+a.reports) + callsPeak + average/forgottenAtOnce
	rows := ridesPeak*rideRows + textsPeak*2 + outPeak*(1+a.reports) + callsPeak + webhooks*signatureRows +
		average*(forgottenRows+a.textsIn+outPerRide+a.calls)
	cpu := (textsPeak*a.textCPU + callsPeak*a.callCPU + ridesPeak*a.rideCPU + reportsPeak*a.reportCPU) / 1000

	var b strings.Builder
	b.WriteString("| a day of " + number(a.rides) + " rides needs | how it is reckoned | at the peak |\n|---|---|--:|\n")
	for _, n := range []need{
		{"rides created", fmt.Sprintf("the day's average × %g", a.peak), number(ridesPeak) + "/s"},
		{"texts in", fmt.Sprintf("%g in a ride", a.textsIn), number(textsPeak) + "/s"},
		{"messages out", fmt.Sprintf("two confirmations and each text, × %g messages", a.parts), number(outPeak) + "/s"},
		{"calls", fmt.Sprintf("%g in a ride", a.calls), number(callsPeak) + "/s"},
		{"calls at once", fmt.Sprintf("each %s long, two legs each", span(a.call)), number(callsPeak*a.call.Seconds()*2) + " legs"},
		{"webhooks", fmt.Sprintf("texts, calls and %g reports for each message", a.reports), number(webhooks) + "/s"},
		{"live rides", fmt.Sprintf("open %s, then lingering %s, in the busiest hours", span(a.open), span(a.linger)), number(live)},
		{"numbers, by collision", fmt.Sprintf("a driver has %g rides in %s: no two live ones on one number", a.perDriver, span(a.shift)), number(collision)},
		{"numbers, by reuse", fmt.Sprintf("no number again for a driver within %d days", a.rest), number(reuse)},
		{"numbers, by the carriers' rate", fmt.Sprintf("%g messages a second from each, %g of it used", a.numberRate, a.load), number(byRate)},
		{"numbers, by the carriers' day", fmt.Sprintf("%s messages a day from each, all of it used", number(a.numberDay)), number(byDay)},
		{"**numbers in the pool**, for each country that has all of this", "the greatest of these", "**" + number(pool) + "**"},
		{"traffic of a number", "messages out over the pool", fmt.Sprintf("%.2f/s, %s a day", outPeak/pool, number(a.rides*outPerRide/pool))},
		{"live rides on a number", "live rides over the pool", number(live / pool)},
		{"MessageBird accounts", fmt.Sprintf("%s messages a second each, %g of it used, or an agreed rate", number(a.accountRate), a.load), number(math.Ceil(outPeak / a.accountRate / a.load))},
		{"transactions", fmt.Sprintf("ride: made, ended, closed; text; mark; report; a call's signature; %d old rides deleted", forgottenAtOnce), number(writes) + "/s"},
		{"rows written", fmt.Sprintf("%d for a ride's life, 2 for a text, 1 for each mark, report and call, %d for a webhook's signature; and old ones deleted all day", rideRows, signatureRows), number(rows) + "/s"},
		{"storage", fmt.Sprintf("%s bytes a ride, kept for %d days (KEEP)", number(a.rideBytes), a.kept), fmt.Sprintf("%s GB", number(a.rideBytes*a.rides*float64(a.kept)/1e9))},
		{"processors", "milliseconds of processor for each text, call, ride and report", fmt.Sprintf("%.1f cores", cpu)},
		{"instances", fmt.Sprintf("of %g cores, %g of them used, and one to spare", a.cores, a.load), number(math.Ceil(cpu/a.cores/a.load) + 1)},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", n.what, n.how, n.much)
	}
	return b.String()
}

// number writes 1234567 as 1,234,567, rounded up: what is needed, is needed whole.
func number(x float64) string {
	s := fmt.Sprintf("%.0f", max(0, math.Ceil(x-1e-9))) // the ceiling of -1e-9 is -0
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span is 4h0m0s written as 4h.
func span(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
