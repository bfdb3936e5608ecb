package store

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// Claim takes messages whose time has come, limit at most, for lease, the oldest
// first: queued ones that are first in their lane, and claimed ones whose lease
// lapsed, whose outcome is then uncertain.
func (tx *Tx) Claim(ctx context.Context, limit int, lease time.Duration) ([]masking.Message, error) {
	tx.writes()
	// Named, so that PostgreSQL chooses once: a sub-select it may run for each row,
	// and each time hold others.
	claimed, err := list(ctx, tx.querier, tx.scanMessage, `WITH due AS MATERIALIZED (SELECT m.id FROM messages m
			WHERE m.state IN ('queued', 'sending') AND m.due_at <= $1
			AND NOT EXISTS (SELECT 1 FROM messages e WHERE e.originator = m.originator AND e.recipient = m.recipient
				AND e.state IN ('queued', 'sending') AND e.id < m.id)
			ORDER BY m.due_at, m.id LIMIT $2`+tx.engine.skipTaken+`)
		UPDATE messages SET state = 'sending', claimed_at = $1, due_at = $3,
		attempts = CASE WHEN state = 'sending' THEN attempts + 1 ELSE attempts END,
		uncertain_at = CASE WHEN state = 'sending' AND uncertain_at = 0 THEN claimed_at ELSE uncertain_at END
		WHERE id IN (SELECT id FROM due) AND state IN ('queued', 'sending') AND due_at <= $1 RETURNING `+messageColumns,
		ms(tx.Now), limit, ms(tx.Now.Add(lease)))
	slices.SortFunc(claimed, func(a, b masking.Message) int { return cmp.Compare(a.ID, b.ID) })
	return claimed, err
}

// ClaimNext takes for lease, in each lane that one of left was in and that this transaction has
// locked, the first message, if it waits for nothing but its turn. With no lease it makes them
// due instead.
func (tx *Tx) ClaimNext(ctx context.Context, lease time.Duration, left ...masking.Message) (next []masking.Message, err error) {
	lane := func(m masking.Message) []any { return []any{m.From, m.To} }
	if lease <= 0 {
		_, err := execParts(ctx, tx.querier, dueNext, []any{parked, ms(tx.Now)}, left, lane)
		return nil, err
	}
	tx.writes()
	err = eachPart(ctx, tx.querier, claimNext, []any{parked, ms(tx.Now), ms(tx.Now.Add(lease))}, left, lane, func(row scanner) error {
		m, err := tx.scanMessage(row)
		next = append(next, m)
		return err
	})
	return next, err
}

// ofNext sets something of the first of each lane that waits for its turn; $1 is parked.
func ofNext(set, returning string, fixed int) manyRows {
	return aboutRows("WITH lane (from_number, to_number) AS (VALUES) UPDATE messages SET "+set+` FROM lane
		WHERE messages.id = `+firstInLane("lane.from_number", "lane.to_number")+`
		AND messages.state = 'queued' AND messages.due_at = $1`+returning, fixed, "TEXT", "TEXT")
}

var (
	claimNext = ofNext("state = 'sending', claimed_at = $2, due_at = $3", " RETURNING "+messageColumns, 3)
	dueNext   = ofNext("due_at = $2", "", 2)
)

// NextDue is when the next message may be claimed; zero: none waits for anything
// but its turn.
func (s *Store) NextDue(ctx context.Context) (due time.Time, err error) {
	var next sql.NullInt64
	err = s.row(ctx, "SELECT MIN(due_at) FROM messages WHERE state IN ('queued', 'sending') AND due_at < $1", parked).Scan(&next)
	if next.Valid {
		due = time.UnixMilli(next.Int64)
	}
	return due, err
}

// What follows is fenced: it changes nothing, and reports so where it matters,
// when the message was claimed again or settled since m was claimed. Attempts
// counts the tries that came to nothing, a lapsed claim among them, so that no
// two holders of a message know the same number.
const fence = " WHERE id = $1 AND attempts = $2 AND state = 'sending'"

// sameClaim also fences by the claim's time, for what ends a claim without a try, so that the next one has
// the same attempts: repeated after a commit that was not confirmed, it must not end that one.
const sameClaim = " AND claimed_at = "

// Renew prolongs claims to lease from now, and returns those that were still the caller's.
func (tx *Tx) Renew(ctx context.Context, claimed []masking.Message, lease time.Duration) (renewed []masking.Message, err error) {
	tx.writes()
	return thoseOf(ctx, tx.querier, renew, []any{ms(tx.Now.Add(lease))}, claimed,
		func(m masking.Message) []any { return []any{m.ID, m.Attempts} })
}

// thoseOf runs a statement for messages, and returns those whose ids it returns, in their order.
func thoseOf(ctx context.Context, q querier, statement manyRows, fixed []any, messages []masking.Message,
	values func(masking.Message) []any) (those []masking.Message, err error) {
	returned := make(map[int64]bool, len(messages))
	err = eachPart(ctx, q, statement, fixed, messages, values, func(row scanner) error {
		id, err := scanID(row)
		returned[id] = true
		return err
	})
	for _, m := range messages {
		if returned[m.ID] {
			those = append(those, m)
		}
	}
	return those, err
}

// lockLanesOf is LockLanes for the lanes that messages are in.
func (tx *Tx) lockLanesOf(ctx context.Context, messages []masking.Message) error {
	lanes := make([]string, len(messages))
	for i, m := range messages {
		lanes[i] = lane(m.From, m.To)
	}
	return tx.Lock(ctx, lanes...)
}

var renew = aboutRows(`WITH claimed (id, attempts) AS (VALUES) UPDATE messages SET due_at = $1 FROM claimed
	WHERE messages.id = claimed.id AND messages.attempts = claimed.attempts AND messages.state = 'sending' RETURNING messages.id`,
	1, "BIGINT", "BIGINT")

// GiveBack ends claims that were not used: the messages are due, before all that
// came after them.
func (tx *Tx) GiveBack(ctx context.Context, claimed []masking.Message) error {
	for _, m := range claimed {
		_, err := tx.exec(ctx, "UPDATE messages SET state = 'queued', due_at = CASE WHEN created_at < $3 THEN created_at ELSE $3 END"+fence+sameClaim+"$4",
			m.ID, m.Attempts, ms(tx.Now), ms(m.Claimed))
		if err != nil {
			return err
		}
	}
	return nil
}

// Postpone ends the claim of m without a try: it is due again then.
func (tx *Tx) Postpone(ctx context.Context, m masking.Message, due time.Time) (mine bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'queued', due_at = $3"+fence+sameClaim+"$4",
		m.ID, m.Attempts, ms(due), ms(m.Claimed))
	return changed > 0, err
}

// MarkSent notes what the carrier took, each under its CarrierID. marked are those that were
// the caller's, in the order of taken. A delivery report may have been faster; its state stays.
func (tx *Tx) MarkSent(ctx context.Context, taken ...masking.Message) (marked []masking.Message, err error) {
	if err := tx.lockLanesOf(ctx, taken); err != nil {
		return nil, err
	}
	values := func(m masking.Message) []any { return []any{m.ID, m.Attempts, text(m.CarrierID)} }
	changed, err := execParts(ctx, tx.querier, markSent, []any{ms(tx.Now)}, taken, values)
	if err != nil || changed == int64(len(taken)) { // as nearly always
		return taken, err
	}
	return thoseOf(ctx, tx.querier, sentNow, []any{ms(tx.Now)}, taken, values)
}

var (
	markSent = aboutRows(`WITH taken (id, attempts, carrier_id) AS (VALUES)
		UPDATE messages SET state = 'sent', carrier_id = taken.carrier_id, sent_at = $1, due_at = 0, uncertain_at = 0, code = 0, reason = ''
		FROM taken WHERE messages.id = taken.id AND messages.attempts = taken.attempts AND messages.state = 'sending'`,
		1, "BIGINT", "BIGINT", "TEXT")
	sentNow = aboutRows(`WITH taken (id, attempts, carrier_id) AS (VALUES) SELECT messages.id FROM taken JOIN messages ON messages.id = taken.id
		WHERE messages.attempts = taken.attempts AND messages.state = 'sent' AND messages.carrier_id = taken.carrier_id AND sent_at = $1`,
		1, "BIGINT", "BIGINT", "TEXT")
)

// MarkFailed notes that m will never be sent, and why.
func (tx *Tx) MarkFailed(ctx context.Context, m masking.Message, code int, reason string) (mine bool, err error) {
	if err := tx.lane(ctx, m.From, m.To); err != nil {
		return false, err
	}
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'failed', attempts = attempts + 1, code = $3, reason = $4, settled_at = $5, due_at = 0"+fence,
		m.ID, m.Attempts, code, reason, ms(tx.Now))
	return changed > 0, err
}

// Wait says until when a message waits, and why.
type Wait struct {
	Due       time.Time
	Uncertain time.Time // when a try began whose outcome is not known; zero: none
	Code      int       // the carrier's
	Reason    string    // in words
}

// MarkWaiting puts m back after a try that came to nothing.
func (tx *Tx) MarkWaiting(ctx context.Context, m masking.Message, w Wait) (mine bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'queued', attempts = attempts + 1, due_at = $3, uncertain_at = $4, code = $5, reason = $6"+fence,
		m.ID, m.Attempts, ms(w.Due), ms(w.Uncertain), w.Code, w.Reason)
	return changed > 0, err
}

// Resume makes every claimed message due once settle has passed, for a start
// after a crash: whoever held the claims is gone, and may have sent until just now.
// On a database that other processes share nobody can tell whose claims are left
// over; these lapse by themselves.
func (tx *Tx) Resume(ctx context.Context, settle time.Duration) (count int64, err error) {
	if tx.engine.shared {
		return 0, nil
	}
	if _, err := tx.Hasten(ctx); err != nil { // the clock may have been set back since the last run
		return 0, err
	}
	return tx.exec(ctx, "UPDATE messages SET due_at = $1 WHERE state = 'sending'", ms(tx.Now.Add(settle)))
}

// Hasten makes all messages due that wait for a time to come, for a clock that
// was set back: they would wait for that time again.
func (tx *Tx) Hasten(ctx context.Context) (count int64, err error) {
	return tx.exec(ctx, "UPDATE messages SET due_at = $1 WHERE state = 'queued' AND due_at > $1 AND due_at < $2", ms(tx.Now), parked)
}

// reportParts is how many parts of 1,024 messages, from the newest, may hold the one that a
// report names by the carrier's id only. Looking into them takes some two milliseconds.
const reportParts = 1024

// byCarrierID finds a message where the index of the carrier's ids, which are random, has it: in
// one of the last parts.
var byCarrierID = `WITH RECURSIVE newest (part) AS (SELECT COALESCE(MAX(id), 0) / 1024 FROM messages),
	last (part) AS (SELECT part FROM newest UNION ALL
		SELECT last.part - 1 FROM last, newest WHERE last.part > 0 AND last.part > newest.part - ` + strconv.Itoa(reportParts-1) + `),
	named (id) AS (SELECT m.id FROM last CROSS JOIN messages m
		WHERE m.id / 1024 = last.part AND m.carrier_id = $1 AND m.kind <> 'inbound' LIMIT 1)
	SELECT ` + messageColumns + ` FROM messages WHERE id = (SELECT id FROM named)`

// ByReport finds the outbound message that a delivery report is about: by our reference, which
// MessageBird repeats in each, or one of the last million by the carrier's id.
// masking.ErrNotFound: none of ours.
func (tx *Tx) ByReport(ctx context.Context, r masking.Report) (m masking.Message, err error) {
	digits := r.Reference[strings.LastIndexByte(r.Reference, '-')+1:]
	number, wrong := strconv.ParseInt(digits, 10, 64)
	switch {
	case wrong == nil && r.Reference == tx.reference(number):
		m, err = tx.scanMessage(tx.row(ctx, "SELECT "+messageColumns+" FROM messages WHERE id = $1 AND kind <> 'inbound'", number))
	case r.CarrierID != "":
		m, err = tx.scanMessage(tx.row(ctx, byCarrierID, r.CarrierID))
	default:
		err = masking.ErrNotFound
	}
	return m, found(err)
}

// Settle moves a message to the state that a delivery report told, never back
// from a final one, and reports whether it did.
func (tx *Tx) Settle(ctx context.Context, m masking.Message, r masking.Report) (moved bool, err error) {
	if err := tx.lane(ctx, m.From, m.To); err != nil {
		return false, err
	}
	settled := int64(0)
	if r.State != masking.Sent {
		settled = ms(tx.Now)
	}
	changed, err := tx.exec(ctx, `UPDATE messages SET state = $2, code = $3, reason = $4, settled_at = $5, due_at = 0, uncertain_at = 0,
		carrier_id = COALESCE(carrier_id, $6), sent_at = CASE WHEN sent_at = 0 THEN $7 ELSE sent_at END
		WHERE id = $1 AND kind <> 'inbound' AND state NOT IN ('delivered', 'failed', $2) AND recipient = $8`,
		m.ID, r.State, r.Code, r.Reason, settled, text(r.CarrierID), ms(tx.Now), m.To)
	if err == nil && changed == 0 {
		if now, err := tx.Message(ctx, m.ID); err != nil {
			return false, err
		} else if now.To != m.To { // readdressed since it was read: it is another lane's end
			return false, errRaced
		}
	}
	return changed > 0, err
}

// FailParts fails the parts of a text that still wait behind m, one of them: a text with a
// hole in it says something else. in is the text; its parts may have been sent again. It returns what
// failed, in lanes that are locked: they may be others than m's, if somebody changed phones.
func (tx *Tx) FailParts(ctx context.Context, in int64, m masking.Message, reason string) (failed []masking.Message, err error) {
	tx.writes()
	for causes := []int64{in}; len(causes) > 0; causes = causes[1:] {
		some, err := list(ctx, tx.querier, tx.scanMessage, `UPDATE messages SET state = 'failed', reason = $3, settled_at = $4, due_at = 0
			WHERE cause_id = $1 AND kind = $2 AND state = 'queued' AND id > $5 RETURNING `+messageColumns, causes[0], m.Kind, reason, ms(tx.Now), m.ID)
		if err != nil {
			return nil, err
		}
		failed = append(failed, some...)
		parts, err := tx.Parts(ctx, causes[0], m.Kind)
		if err != nil {
			return nil, err
		}
		for _, part := range parts {
			causes = append(causes, part.ID)
		}
	}
	return failed, tx.lockLanesOf(ctx, failed)
}
