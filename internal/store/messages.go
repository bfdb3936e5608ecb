package store

import (
	"context"
	"database/sql"
	"time"

	"birdcar/internal/masking"
)

const messageColumns = `id, kind, state, ride_id, role, cause_id, part, originator, recipient, body, carrier_id, attempts,
	claimed_at, uncertain_at, due_at, code, reason, created_at, sent_at, settled_at`

// scanMessage scans messageColumns; outbound ones get the reference that the
// carrier finds them by.
func (q querier) scanMessage(row scanner) (masking.Message, error) {
	var m masking.Message
	var ride, cause sql.NullInt64
	var role, carrier sql.NullString
	err := row.Scan(&m.ID, &m.Kind, &m.State, &ride, &role, &cause, &m.Part, &m.From, &m.To, &m.Body, &carrier, &m.Attempts,
		at(&m.Claimed), at(&m.Uncertain), at(&m.Due), &m.Code, &m.Reason, at(&m.Created), at(&m.SentAt), at(&m.Settled))
	m.RideID, m.Role, m.CauseID, m.CarrierID = ride.Int64, masking.Role(role.String), cause.Int64, carrier.String
	if m.Kind != masking.Inbound {
		m.Reference = q.reference(m.ID)
	}
	return m, err
}

// Message is one message, or masking.ErrNotFound.
func (r reads) Message(ctx context.Context, id int64) (masking.Message, error) {
	m, err := r.scanMessage(r.row(ctx, "SELECT "+messageColumns+" FROM messages WHERE id = $1", id))
	return m, found(err)
}

// Received is an inbound text, and whose it is.
type Received struct {
	masking.Text
	RideID int64        // 0: of no ride
	Role   masking.Role // of who wrote it, in the ride
}

// AddInbound stores an inbound text in its final state. fresh is false, and nothing stored, when
// the same text is there already.
func (tx *Tx) AddInbound(ctx context.Context, t Received, state masking.MessageState) (messageID int64, fresh bool, err error) {
	messageID, err = tx.add(ctx, `INSERT INTO messages (kind, state, ride_id, role, originator, recipient, body, dedup_key, carrier_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING`,
		masking.Inbound, state, id(t.RideID), text(t.Role), t.From, t.To, t.Body, t.Key(), text(t.CarrierID), ms(tx.Now))
	if err == masking.ErrNotFound {
		return 0, false, tx.confirm(ctx, t.Text)
	} else if err == nil && state != masking.Relayed { // a text is relayed in a live ride only
		err = tx.addLate(ctx, t.RideID, messageID)
	}
	return messageID, err == nil, err
}

// confirm writes a repeated text again as it is, so that this transaction's commit
// waits for the standby as any other does. PostgreSQL shows a commit whose caller gave
// up that wait, though only the primary has it: OK to the repeat would be a
// promise that is lost with the primary.
func (tx *Tx) confirm(ctx context.Context, t masking.Text) error {
	if !tx.engine.shared {
		return nil
	}
	_, err := tx.exec(ctx, "UPDATE messages SET dedup_key = $1 WHERE dedup_key = $1", t.Key())
	return err
}

// Inbound is the stored text that t repeats, or masking.ErrNotFound.
func (r reads) Inbound(ctx context.Context, t masking.Text) (masking.Message, error) {
	m, err := r.scanMessage(r.row(ctx, "SELECT "+messageColumns+" FROM messages WHERE dedup_key = $1", t.Key()))
	return m, found(err)
}

// text stores an empty text as NULL.
func text[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return s
}

// Unsent says what to send and why; it becomes a masking.Message when enqueued.
type Unsent struct {
	Kind     masking.Kind
	RideID   int64
	Role     masking.Role // of whom it is for, in the ride
	CauseID  int64
	Part     int
	From, To masking.Number
	Body     string
}

// parked is a due time that never comes: the message waits for the one before it
// in its lane, whose end wakes it.
const parked = int64(1) << 60

// firstInLane is the id of the first message in a lane, or NULL. A lane is what goes to one
// person from one number: in order, one at a time.
func firstInLane(from, to string) string {
	return "(SELECT MIN(id) FROM messages WHERE originator = " + from + " AND recipient = " + to + " AND state IN ('queued', 'sending'))"
}

var laneIsFree = firstInLane("$1", "$2") + " IS NULL"

// lane keeps transactions apart that add to a lane or take from it: one that
// comes to wait behind another must not miss that other's end.
func (tx *Tx) lane(ctx context.Context, from, to masking.Number) error {
	return tx.Lock(ctx, lane(from, to))
}

// lane is a lane's key to Lock.
func lane(from, to masking.Number) string { return "lane " + from.E164() + " " + to.E164() }

// LockLanes keeps other transactions away from the lanes that texts on these routes go on in.
func (tx *Tx) LockLanes(ctx context.Context, routes []masking.Route) error {
	lanes := make([]string, len(routes))
	for i, r := range routes {
		lanes[i] = lane(r.PeerNumber, r.Peer)
	}
	return tx.Lock(ctx, lanes...)
}

// Enqueue stores an outbound message. With a lease, and when nothing waits before
// it in its lane, it is claimed for that long: its state is Sending and the caller
// hands it to the outbox after the commit. Otherwise it waits, Queued.
// masking.ErrConflict: the cause has a message of this kind and part already.
func (tx *Tx) Enqueue(ctx context.Context, u Unsent, lease time.Duration) (masking.Message, error) {
	if err := tx.lane(ctx, u.From, u.To); err != nil {
		return masking.Message{}, err
	}
	state, due := firstIn(tx.Now, lease)
	m := u.message(tx.Now, state, due)
	const into = "INSERT INTO messages (originator, recipient, kind, state, ride_id, cause_id, part, body, claimed_at, due_at, role, created_at) "
	args := []any{u.From, u.To, u.Kind, m.State, id(u.RideID), id(u.CauseID), u.Part, u.Body, ms(tx.Now), ms(m.Due), text(u.Role)}
	var err error
	m.ID, err = tx.add(ctx, into+"SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $9 WHERE "+laneIsFree, args...)
	if err == masking.ErrNotFound { // others are before it
		m.State = masking.Queued
		args[3], args[9] = m.State, parked
		m.ID, err = tx.add(ctx, into+"VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $9)", args...)
	}
	if err == nil {
		err = tx.addLate(ctx, u.RideID, m.ID)
	}
	m.Reference = tx.reference(m.ID)
	return m, err
}

// firstIn is the state of a message with nobody before it in its lane, and when it is due.
func firstIn(now time.Time, lease time.Duration) (masking.MessageState, time.Time) {
	if lease > 0 {
		return masking.Sending, now.Add(lease)
	}
	return masking.Queued, now
}

func (u Unsent) message(now time.Time, state masking.MessageState, due time.Time) masking.Message {
	return masking.Message{Kind: u.Kind, State: state, RideID: u.RideID, Role: u.Role, CauseID: u.CauseID, Part: u.Part,
		From: u.From, To: u.To, Body: u.Body, Claimed: now, Created: now, Due: due}
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

// Latest is what m was sent again as last, or m.
func (r reads) Latest(ctx context.Context, m masking.Message) (masking.Message, error) {
	for {
		again, err := r.Parts(ctx, m.ID, m.Kind)
		if err != nil || len(again) == 0 {
			return m, err
		}
		m = again[0]
	}
}

// Parts are the messages of kind that cause has caused, in the order of the text
// that they are parts of.
func (r reads) Parts(ctx context.Context, cause int64, kind masking.Kind) ([]masking.Message, error) {
	return list(ctx, r.querier, r.scanMessage, "SELECT "+messageColumns+" FROM messages WHERE cause_id = $1 AND kind = $2 ORDER BY part", cause, kind)
}
