package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// A statement about many rows at once saves what each statement costs: a good part of a text's
// time with SQLite, a round trip with PostgreSQL.

// rowSizes are how many rows a statement can take: few different statements, so that they
// stay prepared. What is left of the last one is filled with rows of NULL, which its text
// must pass over.
var rowSizes = [...]int{1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128}

// manyRows is such a statement, one text for each of rowSizes.
type manyRows [len(rowSizes)]string

// aboutRows makes a statement of a text in which VALUES stands for the rows. fixed is how
// many arguments the text has besides: $1 and so on. types are those of the rows' columns, which
// PostgreSQL could not guess.
func aboutRows(text string, fixed int, types ...string) (statement manyRows) {
	typed := make([]string, len(types)) // the first row
	for i, kind := range types {
		typed[i] = fmt.Sprintf("CAST($%d AS %s)", fixed+1+i, kind)
	}
	for i, size := range rowSizes {
		rows := "(" + strings.Join(typed, ", ") + ")"
		if size > 1 {
			rows += ", " + places(fixed+1+len(types), len(types), size-1)
		}
		statement[i] = strings.Replace(text, "VALUES", "VALUES "+rows, 1)
	}
	return statement
}

// eachPart runs the statement for rows, in as few parts as it takes, and scans what it
// returns of each.
func eachPart[Row any](ctx context.Context, q querier, statement manyRows, fixed []any, rows []Row, values func(Row) []any,
	scan func(scanner) error) error {
	scanned := func(row scanner) (none struct{}, err error) { return none, scan(row) }
	for len(rows) > 0 {
		i := 0
		for i < len(rowSizes)-1 && rowSizes[i] < len(rows) {
			i++
		}
		part := rows[:min(rowSizes[i], len(rows))]
		rows = rows[len(part):]
		args, columns := append([]any(nil), fixed...), 0
		for _, row := range part {
			v := values(row)
			args, columns = append(args, v...), len(v)
		}
		args = append(args, make([]any, columns*(rowSizes[i]-len(part)))...)
		if _, err := list(ctx, q, scanned, statement[i], args...); err != nil {
			return err
		}
	}
	return nil
}

var liveRoutes = aboutRows("WITH asked (place, number, party) AS (VALUES) SELECT "+routeUpToNumber+"asked.number"+routeFromNumber+`, place
	FROM asked JOIN routes ON number_id = (SELECT id FROM proxy_numbers WHERE number = asked.number) AND routes.party = asked.party AND released_at = 0
	WHERE NOT EXISTS (SELECT 1 FROM proxy_numbers WHERE number = asked.party)`, 0, "BIGINT", "TEXT", "TEXT")

// Routes are the live routes of the senders of texts on the numbers they were sent to, by
// their places in texts. A text whose place is missing has none, or is from a number of the pool:
// RouteOrLoop knows.
func (tx *Tx) Routes(ctx context.Context, texts []masking.Text) (map[int]masking.Route, error) {
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	held := liveRoutes
	for i := range held {
		held[i] += tx.held()
	}
	routes := make(map[int]masking.Route, len(texts))
	return routes, eachPart(ctx, tx.querier, held, nil, order,
		func(i int) []any { return []any{i, texts[i].To, texts[i].From} },
		func(row scanner) error {
			var i int
			r, err := scanRoute(masking.Number{}, masking.Number{}, row, &i)
			if err == nil {
				r.Number, r.Party = texts[i].To, texts[i].From
				routes[i] = r
			}
			return err
		})
}

// Relay is an inbound text and the ride that it is of.
type Relay struct {
	masking.Text
	RideID int64
}

var addRelayed = aboutRows(`WITH added (ride_id, originator, recipient, body, dedup_key, carrier_id) AS (VALUES)
	INSERT INTO messages (kind, state, ride_id, originator, recipient, body, dedup_key, carrier_id, created_at)
	SELECT 'inbound', 'relayed', ride_id, originator, recipient, body, dedup_key, carrier_id, $1 FROM added WHERE dedup_key IS NOT NULL
	ON CONFLICT DO NOTHING RETURNING id, dedup_key`, 1, "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT")

// AddRelayed is AddInbound for texts that are relayed, of which no two are the same. ids are
// theirs, in their order; of one that is there already 0, for AddInbound to look at.
func (tx *Tx) AddRelayed(ctx context.Context, relays []Relay) (ids []int64, err error) {
	tx.writes()
	byKey := make(map[string]int64, len(relays))
	err = eachPart(ctx, tx.querier, addRelayed, []any{ms(tx.Now)}, relays,
		func(r Relay) []any { return []any{r.RideID, r.From, r.To, r.Body, r.Key(), text(r.CarrierID)} },
		func(row scanner) error {
			var id int64
			var key string
			err := row.Scan(&id, &key)
			byKey[key] = id
			return err
		})
	ids = make([]int64, len(relays))
	for i, r := range relays {
		ids[i] = byKey[r.Key()]
	}
	return ids, err
}

var enqueueFirst = aboutRows(`WITH unsent (originator, recipient, kind, ride_id, cause_id, part, body) AS (VALUES)
	INSERT INTO messages (originator, recipient, kind, state, ride_id, cause_id, part, body, claimed_at, due_at, created_at)
	SELECT originator, recipient, kind, $1, ride_id, cause_id, part, body, $2, $3, $2 FROM unsent WHERE kind IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM messages w WHERE w.originator = unsent.originator AND w.recipient = unsent.recipient AND w.state IN ('queued', 'sending'))
	RETURNING id, cause_id`, 3, "TEXT", "TEXT", "TEXT", "BIGINT", "BIGINT", "BIGINT", "TEXT")

// EnqueueFirst is Enqueue for messages of different lanes, which LockLanes has locked, and
// different causes. Those whose ID is 0 were not stored, because others wait before them:
// Enqueue takes them.
func (tx *Tx) EnqueueFirst(ctx context.Context, unsent []Unsent, lease time.Duration) ([]masking.Message, error) {
	tx.writes()
	state, due := firstIn(tx.Now, lease)
	byCause := make(map[int64]int64, len(unsent))
	err := eachPart(ctx, tx.querier, enqueueFirst, []any{state, ms(tx.Now), ms(due)}, unsent,
		func(u Unsent) []any { return []any{u.From, u.To, u.Kind, id(u.RideID), id(u.CauseID), u.Part, u.Body} },
		func(row scanner) error {
			var id, cause int64
			err := row.Scan(&id, &cause)
			byCause[cause] = id
			return err
		})
	messages := make([]masking.Message, len(unsent))
	for i, u := range unsent {
		messages[i] = u.message(tx.Now, state, due)
		messages[i].ID = byCause[u.CauseID]
		messages[i].Reference = tx.reference(messages[i].ID)
	}
	return messages, err
}
