// Command capacity reckons what a day of rides needs, from stated assumptions: put
// in your own. It measures nothing and knows no other room.
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

func main() {
	a := assumptions{}
	flag.Float64Var(&a.rides, "rides", 10e6, "rides a day")
	flag.Float64Var(&a.peak, "peak", 3, "how many times the day's average the busiest minutes have")
	flag.Float64Var(&a.busy, "busy", 1.6, "how many times the day's average the busiest hours have, for as long as a ride connects")
	flag.DurationVar(&a.open, "open", 45*time.Minute, "from a ride's first text to its end")
	flag.DurationVar(&a.linger, "linger", 4*time.Hour, "how long an ended ride still connects (LINGER)")
	flag.Float64Var(&a.textsIn, "texts", 2, "texts that the two parties of a ride send")
	flag.Float64Var(&a.parts, "parts", 1.1, "messages that a text becomes")
	flag.Float64Var(&a.calls, "calls", 0.3, "calls in a ride")
	flag.DurationVar(&a.call, "call", 2*time.Minute, "how long a call lasts")
	flag.Float64Var(&a.reports, "reports", 2, "delivery reports for each message sent")
	flag.Float64Var(&a.perDriver, "driver-rides", 25, "rides a day of the busiest drivers")
	flag.DurationVar(&a.shift, "shift", 12*time.Hour, "how long their day is")
	flag.IntVar(&a.rest, "rest", 30, "days before a driver shall get the same number again")
	flag.Float64Var(&a.numberRate, "number-rate", 1, "messages a second that the carriers take from one number")
	flag.Float64Var(&a.numberDay, "number-day", 4000, "messages a day that the carriers take from one number")
	flag.Float64Var(&a.accountRate, "account-rate", 500, "messages a second that MessageBird takes from one account")
	flag.Float64Var(&a.load, "load", 0.5, "share of a limit that the peak may use")
	flag.Float64Var(&a.rideBytes, "ride-bytes", 2200, "bytes in the database for each ride with its texts and calls (measured: the file of birdcar generate)")
	flag.IntVar(&a.kept, "kept", 30, "days that closed rides are kept")
	flag.Float64Var(&a.textCPU, "text-cpu", 0.4, "milliseconds of processor for a text that comes alone, from webhook to mark (measured, on PostgreSQL)")
	flag.Float64Var(&a.callCPU, "call-cpu", 0.04, "milliseconds of processor for a call flow with its record (measured, on PostgreSQL)")
	flag.Float64Var(&a.rideCPU, "ride-cpu", 1.2, "milliseconds of processor for a ride with its two confirmations (measured, on PostgreSQL)")
	flag.Float64Var(&a.reportCPU, "report-cpu", 0.06, "milliseconds of processor for a delivery report")
	flag.Float64Var(&a.cores, "cores", 4, "cores of an instance")
	flag.Parse()
	if flag.NArg() > 0 || a.load <= 0 || a.cores <= 0 || a.numberRate <= 0 || a.numberDay <= 0 || a.accountRate <= 0 || a.shift <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Print(a.needs())
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

// need is one line of the answer.
type need struct{ what, how, much string }

// needs is the whole answer as a table in Markdown.
func (a assumptions) needs() string {
	ridesPeak := a.rides / (24 * 60 * 60) * a.peak
	textsPeak := ridesPeak * a.textsIn
	outPerRide := (2 + a.textsIn) * a.parts
	outPeak := ridesPeak * outPerRide
	callsPeak := ridesPeak * a.calls
	reportsPeak := outPeak * a.reports
	webhooks := textsPeak + callsPeak + reportsPeak

	connected := a.open + a.linger
	live := a.rides / (24 * 60 * 60) * a.busy * connected.Seconds()
	collision := a.perDriver * connected.Hours() / a.shift.Hours()
	if connected > a.shift { // the whole day, and the days before that still connect
		collision = a.perDriver * math.Ceil(connected.Hours()/24)
	}
	reuse := a.perDriver * float64(a.rest)
	byRate := outPeak / a.numberRate / a.load
	byDay := a.rides * outPerRide / a.numberDay
	pool := max(collision, reuse, byRate, byDay)

	// Each ride: made, lingering, closed. Each text: taken, marked. Each message sent:
	// marked, and once for each report that moves it. Calls share theirs.
	writes := ridesPeak*3 + textsPeak + outPeak*(1+a.reports)
	rows := ridesPeak*rideRows + textsPeak*2 + outPeak*(1+a.reports) + callsPeak
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
		{"transactions", "ride: made, ended, closed; text; mark; report", number(writes) + "/s"},
		{"rows written", fmt.Sprintf("%d for a ride's life, 2 for a text, 1 for each mark, report and call", rideRows), number(rows) + "/s"},
		{"storage", fmt.Sprintf("%s bytes a ride, kept %d days", number(a.rideBytes), a.kept), fmt.Sprintf("%s GB", number(a.rideBytes*a.rides*float64(a.kept)/1e9))},
		{"processors", "milliseconds of processor for each text, call, ride and report", fmt.Sprintf("%.1f cores", cpu)},
		{"instances", fmt.Sprintf("of %g cores, %g of them used, and one to spare", a.cores, a.load), number(math.Ceil(cpu/a.cores/a.load) + 1)},
	} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", n.what, n.how, n.much)
	}
	return b.String()
}

// number writes 1234567 as 1,234,567, rounded up: what is needed, is needed whole.
func number(x float64) string {
	s := fmt.Sprintf("%.0f", math.Ceil(x-1e-9))
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
