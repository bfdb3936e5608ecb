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

// rowSizes are how many rows a statement can take: not any number, so that they stay prepared.
// What is left of the last one is filled with rows of NULL, which its text must pass over.
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

// runParts runs the statement for rows, in as few parts as it takes.
func runParts[Row any](statement manyRows, fixed []any, rows []Row, values func(Row) []any, run func(query string, args []any) error) error {
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
		if err := run(statement[i], args); err != nil {
			return err
		}
	}
	return nil
}

// eachPart runs the statement for rows, and scans what it returns of each.
func eachPart[Row any](ctx context.Context, q querier, statement manyRows, fixed []any, rows []Row, values func(Row) []any,
	scan func(scanner) error) error {
	scanned := func(row scanner) (none struct{}, err error) { return none, scan(row) }
	return runParts(statement, fixed, rows, values, func(query string, args []any) error {
		_, err := list(ctx, q, scanned, query, args...)
		return err
	})
}

// execParts runs a statement that returns nothing for rows.
func execParts[Row any](ctx context.Context, q querier, statement manyRows, fixed []any, rows []Row, values func(Row) []any) (changed int64, err error) {
	err = runParts(statement, fixed, rows, values, func(query string, args []any) error {
		n, err := q.exec(ctx, query, args...)
		changed += n
		return err
	})
	return changed, err
}

// routesAsked asks for columns of the live routes of whoever dials a number, and for the place of
// each among those asked for.
func routesAsked(columns string) string {
	return "WITH asked (place, number, party) AS (VALUES) SELECT " + columns + `, place
		FROM asked JOIN routes ON number_id = (SELECT id FROM proxy_numbers WHERE number = asked.number) AND routes.party = asked.party AND released_at = 0`
}

var routesOfTexts = routesAsked(routeUpToNumber+"asked.number"+routeFromNumber) +
	" WHERE NOT EXISTS (SELECT 1 FROM proxy_numbers WHERE number = asked.party)"

var (
	connections = aboutRows(routesAsked("ride_id, peer"), 0, "BIGINT", "TEXT", "TEXT")
	textRoutes  = aboutRows(routesOfTexts, 0, "BIGINT", "TEXT", "TEXT")
	heldRoutes  = aboutRows(routesOfTexts+postgresEngine.holdRead, 0, "BIGINT", "TEXT", "TEXT")
)

// Connection is whom a call reaches, and in which ride.
type Connection struct {
	RideID int64 // 0: it reaches nobody
	To     masking.Number
}

// Connections are what the live routes of callers on the numbers they call lead to, in their order.
func (r reads) Connections(ctx context.Context, calls []masking.Call) ([]Connection, error) {
	return byPlace(ctx, r.querier, connections, len(calls),
		func(i int) (number, party masking.Number) { return calls[i].To, calls[i].From },
		func(row scanner, place *int) (c Connection, err error) { return c, row.Scan(&c.RideID, &c.To, place) })
}

// TextRoutes are the live routes of the senders of texts on the numbers they were sent to, in
// their order. The zero Route is of one that has none, or is from a number of the pool:
// RouteOrLoop knows.
func (tx *Tx) TextRoutes(ctx context.Context, texts []masking.Text) ([]masking.Route, error) {
	statement := textRoutes
	if tx.held() != "" {
		statement = heldRoutes
	}
	routes, err := byPlace(ctx, tx.querier, statement, len(texts),
		func(i int) (number, party masking.Number) { return texts[i].To, texts[i].From },
		func(row scanner, place *int) (masking.Route, error) {
			return scanRoute(masking.Number{}, masking.Number{}, row, place)
		})
	for i, t := range texts {
		if routes[i].RideID != 0 {
			routes[i].Number, routes[i].Party = t.To, t.From
		}
	}
	return routes, err
}

// byPlace asks for the routes of n, each by its place, and returns what was found at each.
func byPlace[T any](ctx context.Context, q querier, statement manyRows, n int, who func(i int) (number, party masking.Number),
	scan func(row scanner, place *int) (T, error)) ([]T, error) {
	found, order := make([]T, n), make([]int, n)
	for i := range order {
		order[i] = i
	}
	return found, eachPart(ctx, q, statement, nil, order,
		func(i int) []any {
			number, party := who(i)
			return []any{i, number, party}
		},
		func(row scanner) error {
			var place int
			v, err := scan(row, &place)
			if err == nil {
				found[place] = v
			}
			return err
		})
}

var addRelayed = aboutRows(`WITH added (ride_id, role, originator, recipient, body, dedup_key, carrier_id) AS (VALUES)
	INSERT INTO messages (kind, state, ride_id, role, originator, recipient, body, dedup_key, carrier_id, created_at)
	SELECT 'inbound', 'relayed', ride_id, role, originator, recipient, body, dedup_key, carrier_id, $1 FROM added WHERE dedup_key IS NOT NULL
	ON CONFLICT DO NOTHING RETURNING id, dedup_key`, 1, "BIGINT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT")

// AddRelayed is AddInbound for texts that are relayed, of which no two are the same. ids are
// theirs, in their order; of one that is there already 0, for AddInbound to look at.
func (tx *Tx) AddRelayed(ctx context.Context, relays []Received) (ids []int64, err error) {
	tx.writes()
	byKey := make(map[string]int64, len(relays))
	err = eachPart(ctx, tx.querier, addRelayed, []any{ms(tx.Now)}, relays,
		func(r Received) []any {
			return []any{r.RideID, text(r.Role), r.From, r.To, r.Body, r.Key(), text(r.CarrierID)}
		},
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

var enqueueAll = aboutRows(`WITH unsent (originator, recipient, kind, ride_id, role, cause_id, part, body) AS (VALUES)
	INSERT INTO messages (originator, recipient, kind, state, ride_id, role, cause_id, part, body, claimed_at, due_at, created_at)
	SELECT u.originator, u.recipient, u.kind, CASE WHEN w.id IS NULL THEN $1 ELSE 'queued' END, u.ride_id, u.role, u.cause_id, u.part, u.body,
		$2, CASE WHEN w.id IS NULL THEN $3 ELSE CAST($4 AS BIGINT) END, $2
	FROM unsent u LEFT JOIN messages w ON w.id = `+firstInLane("u.originator", "u.recipient")+`
	WHERE u.kind IS NOT NULL RETURNING id, cause_id, state`, 4, "TEXT", "TEXT", "TEXT", "BIGINT", "TEXT", "BIGINT", "BIGINT", "TEXT")

// EnqueueAll is Enqueue for messages of different lanes, which LockLanes has locked, and
// different causes.
func (tx *Tx) EnqueueAll(ctx context.Context, unsent []Unsent, lease time.Duration) ([]masking.Message, error) {
	tx.writes()
	state, due := firstIn(tx.Now, lease)
	place := make(map[int64]int, len(unsent))
	messages := make([]masking.Message, len(unsent))
	for i, u := range unsent {
		place[u.CauseID] = i
		messages[i] = u.message(tx.Now, state, due)
	}
	err := eachPart(ctx, tx.querier, enqueueAll, []any{state, ms(tx.Now), ms(due), parked}, unsent,
		func(u Unsent) []any {
			return []any{u.From, u.To, u.Kind, id(u.RideID), text(u.Role), id(u.CauseID), u.Part, u.Body}
		},
		func(row scanner) error {
			var id, cause int64
			var state masking.MessageState
			if err := row.Scan(&id, &cause, &state); err != nil {
				return err
			}
			m := &messages[place[cause]]
			m.ID, m.State, m.Reference = id, state, tx.reference(id)
			return nil
		})
	return messages, err
}
