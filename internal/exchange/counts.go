package exchange

import "sync/atomic"

// Counts is what the carrier's webhooks brought since the start.
type Counts struct {
	Texts          int64 // stored
	Unrouted       int64 // of those, the ones that nobody could get
	Repeated       int64 // texts that were stored before
	Reports        int64 // delivery reports
	UnknownReports int64 // of those, the ones about no message of ours
}

type counts struct{ texts, unrouted, repeated, reports, unknownReports atomic.Int64 }

// Counts is what the carrier's webhooks brought since the start.
func (x *Exchange) Counts() Counts {
	return Counts{
		Texts: x.counts.texts.Load(), Unrouted: x.counts.unrouted.Load(), Repeated: x.counts.repeated.Load(),
		Reports: x.counts.reports.Load(), UnknownReports: x.counts.unknownReports.Load(),
	}
}
