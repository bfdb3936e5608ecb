package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/masking"
)

const messageColumns = `id, kind, state, ride_id, cause_id, originator, recipient, body, carrier_id, attempts,
	uncertain_at, due_at, code, reason, created_at, sent_at, settled_at`

// scanMessage scans messageColumns; outbound ones get the reference that the
// carrier finds them by.
func (q querier) scanMessage(row scanner) (masking.Message, error) {
	var m masking.Message
	var ride, cause sql.NullInt64
	var carrier sql.NullString
	err := row.Scan(&m.ID, &m.Kind, &m.State, &ride, &cause, &m.From, &m.To, &m.Body, &carrier, &m.Attempts,
		at(&m.Uncertain), at(&m.Due), &m.Code, &m.Reason, at(&m.Created), at(&m.SentAt), at(&m.Settled))
	m.RideID, m.CauseID, m.CarrierID = ride.Int64, cause.Int64, carrier.String
	if m.Kind != masking.Inbound {
		m.Reference = q.engine.prefix + strconv.FormatInt(m.ID, 10)
	}
	return m, err
}

// Conversation is all texts of a ride in their order.
func (r reads) Conversation(ctx context.Context, ride int64) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+" FROM messages WHERE ride_id = $1 ORDER BY id", ride)
}

// Message is one message, or masking.ErrNotFound.
func (r reads) Message(ctx context.Context, id int64) (masking.Message, error) {
	m, err := r.scanMessage(r.row(ctx, "SELECT "+messageColumns+" FROM messages WHERE id = $1", id))
	return m, found(err)
}

// AddInbound stores an inbound text in its final state; ride is 0 when it is of
// none. fresh is false, and nothing stored, when the same text is there already.
func (tx *Tx) AddInbound(ctx context.Context, t masking.Text, state masking.MessageState, ride int64) (messageID int64, fresh bool, err error) {
	err = tx.writeRow(ctx, `INSERT INTO messages (kind, state, ride_id, originator, recipient, body, dedup_key, carrier_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id`,
		masking.Inbound, state, id(ride), t.From, t.To, t.Body, t.Key(), text(t.CarrierID), ms(tx.Now)).Scan(&messageID)
	if found(err) == masking.ErrNotFound {
		return 0, false, nil
	}
	return messageID, err == nil, err
}

// text stores an empty text as NULL.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// Unsent says what to send and why; it becomes a masking.Message when enqueued.
type Unsent struct {
	Kind     masking.Kind
	RideID   int64
	CauseID  int64
	Part     int
	From, To masking.Number
	Body     string
}

// parked is a due time that never comes: the message waits for the one before it
// in its lane, whose end wakes it.
const parked = int64(1) << 60

// A lane is what goes to one person from one number: in order, one at a time.
const inLane = "originator = $1 AND recipient = $2 AND state IN ('queued', 'sending')"

// Enqueue stores an outbound message. With a lease, and when nothing waits before
// it in its lane, it is claimed for that long: its state is Sending and the caller
// hands it to the outbox after the commit. Otherwise it waits, Queued.
// masking.ErrConflict: the cause has a message of this kind and part already.
func (tx *Tx) Enqueue(ctx context.Context, u Unsent, lease time.Duration) (masking.Message, error) {
	var behind bool
	if err := tx.row(ctx, "SELECT EXISTS (SELECT 1 FROM messages WHERE "+inLane+")", u.From, u.To).Scan(&behind); err != nil {
		return masking.Message{}, err
	}
	state, due, attempts, claimed := masking.Queued, ms(tx.Now), 0, int64(0)
	switch {
	case behind:
		due = parked
	case lease > 0:
		state, due, attempts, claimed = masking.Sending, ms(tx.Now.Add(lease)), 1, ms(tx.Now)
	}
	return tx.scanMessage(tx.writeRow(ctx, `INSERT INTO messages (kind, state, ride_id, cause_id, part, originator, recipient, body, attempts, claimed_at, due_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING `+messageColumns,
		u.Kind, state, id(u.RideID), id(u.CauseID), u.Part, u.From, u.To, u.Body, attempts, claimed, due, ms(tx.Now)))
}

// Claim takes messages whose time has come, limit at most, for lease: queued ones
// that are first in their lane, and claimed ones whose lease lapsed, whose outcome
// is then uncertain.
func (tx *Tx) Claim(ctx context.Context, limit int, lease time.Duration) ([]masking.Message, error) {
	tx.writes()
	return list(ctx, tx.querier, tx.scanMessage, `UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = $1, due_at = $2,
		uncertain_at = CASE WHEN state = 'sending' AND uncertain_at = 0 THEN claimed_at ELSE uncertain_at END
		WHERE id IN (SELECT m.id FROM messages m WHERE m.state IN ('queued', 'sending') AND m.due_at <= $1
			AND NOT EXISTS (SELECT 1 FROM messages e WHERE e.originator = m.originator AND e.recipient = m.recipient
				AND e.state IN ('queued', 'sending') AND e.id < m.id)
			ORDER BY m.due_at, m.id LIMIT $3)
		AND state IN ('queued', 'sending') AND due_at <= $1 RETURNING `+messageColumns,
		ms(tx.Now), ms(tx.Now.Add(lease)), limit)
}

// ClaimNext takes the first message of a lane for lease, if it waits for nothing
// but its turn. masking.ErrNotFound: none does. With no lease it is made due instead.
func (tx *Tx) ClaimNext(ctx context.Context, from, to masking.Number, lease time.Duration) (masking.Message, error) {
	const first = "WHERE id = (SELECT MIN(id) FROM messages WHERE " + inLane + ") AND state = 'queued' AND due_at = $3"
	if lease <= 0 {
		_, err := tx.exec(ctx, "UPDATE messages SET due_at = $4 "+first, from, to, parked, ms(tx.Now))
		if err == nil {
			err = masking.ErrNotFound
		}
		return masking.Message{}, err
	}
	m, err := tx.scanMessage(tx.writeRow(ctx, `UPDATE messages SET state = 'sending', attempts = attempts + 1, claimed_at = $4, due_at = $5 `+
		first+" RETURNING "+messageColumns, from, to, parked, ms(tx.Now), ms(tx.Now.Add(lease))))
	return m, found(err)
}

// NextDue is when the next message that is not in hand may be claimed; zero: none waits.
func (s *Store) NextDue(ctx context.Context) (due time.Time, err error) {
	var next sql.NullInt64
	err = s.row(ctx, "SELECT MIN(due_at) FROM messages WHERE state IN ('queued', 'sending') AND due_at < $1", parked).Scan(&next)
	if next.Valid {
		due = time.UnixMilli(next.Int64)
	}
	return due, err
}

// The marks below are fenced: they change nothing, and report so, when the
// message was claimed again or settled since m was claimed.

const fence = " WHERE id = $1 AND attempts = $2 AND state = 'sending'"

// MarkSent notes that the carrier took m under carrierID. A delivery report may
// have been faster; its state stays.
func (tx *Tx) MarkSent(ctx context.Context, m masking.Message, carrierID string) (mine bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'sent', carrier_id = $3, sent_at = $4, due_at = 0, uncertain_at = 0, code = 0, reason = ''"+fence,
		m.ID, m.Attempts, text(carrierID), ms(tx.Now))
	return changed > 0, err
}

// MarkFailed notes that m will never be sent, and why.
func (tx *Tx) MarkFailed(ctx context.Context, m masking.Message, code int, reason string) (mine bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'failed', code = $3, reason = $4, settled_at = $5, due_at = 0"+fence,
		m.ID, m.Attempts, code, reason, ms(tx.Now))
	return changed > 0, err
}

// MarkWaiting puts m back until due. uncertain is when an attempt began whose
// outcome is not known; zero: none.
func (tx *Tx) MarkWaiting(ctx context.Context, m masking.Message, due, uncertain time.Time, code int, reason string) (mine bool, err error) {
	changed, err := tx.exec(ctx, "UPDATE messages SET state = 'queued', due_at = $3, uncertain_at = $4, code = $5, reason = $6"+fence,
		m.ID, m.Attempts, ms(due), ms(uncertain), code, reason)
	return changed > 0, err
}

// Resume makes every claimed message due once settle has passed, for a start
// after a crash: whoever held the claims is gone, and may have sent until just now.
func (tx *Tx) Resume(ctx context.Context, settle time.Duration) (count int64, err error) {
	return tx.exec(ctx, "UPDATE messages SET due_at = $1 WHERE state = 'sending'", ms(tx.Now.Add(settle)))
}

// ByReport finds the outbound message that a delivery report is about, by our
// reference or by the carrier's id. masking.ErrNotFound: none of ours.
func (tx *Tx) ByReport(ctx context.Context, r masking.Report) (masking.Message, error) {
	if digits, ok := strings.CutPrefix(r.Reference, tx.engine.prefix); ok {
		if id, err := strconv.ParseInt(digits, 10, 64); err == nil {
			return tx.Message(ctx, id)
		}
	}
	if r.CarrierID == "" {
		return masking.Message{}, masking.ErrNotFound
	}
	m, err := tx.scanMessage(tx.row(ctx, "SELECT "+messageColumns+" FROM messages WHERE carrier_id = $1 AND kind <> 'inbound'", r.CarrierID))
	return m, found(err)
}

// Settle moves a message to the state that a delivery report told, never back
// from a final one, and reports whether it did.
func (tx *Tx) Settle(ctx context.Context, m masking.Message, r masking.Report) (moved bool, err error) {
	settled := int64(0)
	if r.State != masking.Sent {
		settled = ms(tx.Now)
	}
	changed, err := tx.exec(ctx, `UPDATE messages SET state = $2, code = $3, reason = $4, settled_at = $5, due_at = 0, uncertain_at = 0,
		carrier_id = COALESCE(carrier_id, $6), sent_at = CASE WHEN sent_at = 0 THEN $7 ELSE sent_at END
		WHERE id = $1 AND kind <> 'inbound' AND state NOT IN ('delivered', 'failed', $2)`,
		m.ID, r.State, r.Code, r.Reason, settled, text(r.CarrierID), ms(tx.Now))
	return changed > 0, err
}

// FailParts fails the parts of m's text that still wait behind m: a text with a
// hole in it says something else.
func (tx *Tx) FailParts(ctx context.Context, m masking.Message, reason string) error {
	_, err := tx.exec(ctx, `UPDATE messages SET state = 'failed', reason = $3, settled_at = $4, due_at = 0
		WHERE cause_id = $1 AND kind = $2 AND state = 'queued' AND id > $5`, id(m.CauseID), m.Kind, reason, ms(tx.Now), m.ID)
	return err
}

// Cause is the inbound text that m relays, through however many messages were
// sent again in between.
func (r reads) Cause(ctx context.Context, m masking.Message) (masking.Message, error) {
	for m.Kind != masking.Inbound {
		if m.CauseID == 0 {
			return m, masking.ErrNotFound
		}
		var err error
		if m, err = r.Message(ctx, m.CauseID); err != nil {
			return m, err
		}
	}
	return m, nil
}

// HasAnswer reports whether an outbound message of kind was enqueued because of cause.
func (r reads) HasAnswer(ctx context.Context, cause int64, kind masking.Kind) (has bool, err error) {
	err = r.row(ctx, "SELECT EXISTS (SELECT 1 FROM messages WHERE cause_id = $1 AND kind = $2)", cause, kind).Scan(&has)
	return has, err
}
