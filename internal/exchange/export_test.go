package exchange

import (
	"strconv"
	"time"

	"birdcar/internal/masking"
)

// SpoilCalls makes every question about several calls fail.
func (x *Exchange) SpoilCalls(err error) {
	x.dialled.do = func(all []*dialled) {
		for _, d := range all {
			d.err = err
		}
	}
}

// CallQueue is how many calls may wait to be recorded.
const CallQueue = callQueue

// Record leaves a call to be stored, as RouteCall does.
func (x *Exchange) Record(c masking.CallRecord) { x.record(c) }

// KeepCalls has calls wait again that the database did not take.
func (x *Exchange) KeepCalls(calls []masking.CallRecord, why error) { x.keepCalls(calls, why) }

// FillSignatures remembers as many signatures as there is room for.
func (x *Exchange) FillSignatures(expires time.Time) {
	for i, room := 0, true; room; i++ {
		_, room = x.unnoted.add(Proof{ID: strconv.Itoa(i), Expires: expires}, x.Now())
	}
}

// Signatures is how many are remembered.
func (x *Exchange) Signatures() int { return len(x.unnoted.until) }

// BelieveAfter has the clock be believed after so long.
func BelieveAfter(d time.Duration) (undo func()) {
	was := believeAfter
	believeAfter = d
	return func() { believeAfter = was }
}
