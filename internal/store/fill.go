package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// Filling is rows for an empty database, with the ids that they shall have: what
// a platform leaves behind that has been at work for a while. Messages are settled and come
// with their rides, which are closed or have live routes.
type Filling struct {
	Customers, Drivers []masking.Party
	Numbers            []masking.ProxyNumber
	Rides              []masking.Ride
	Messages           []masking.Message
	Calls              []masking.CallRecord
}

// Fill stores f quickly. Routes, uses of numbers, counts of live routes and the words
// of searches follow from it as if each ride had been made, ended and closed by itself.
// masking.ErrConflict: two live rides would share a person and a number.
func (tx *Tx) Fill(ctx context.Context, f Filling) error {
	if _, err := tx.exec(ctx, tx.engine.roomy); err != nil {
		return err
	}
	for _, part := range []func(context.Context, Filling) error{
		tx.fillParties, tx.fillNumbers, tx.fillRides, tx.fillUses, tx.fillMessages, tx.fillCalls, tx.fillWords, tx.fillLastIDs,
	} {
		if err := part(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) fillParties(ctx context.Context, f Filling) error {
	for _, list := range [][]masking.Party{f.Customers, f.Drivers} {
		if len(list) == 0 {
			continue
		}
		err := bulk(ctx, tx, table(list[0].Role)+" (id, name, number, created_at)", "", list, func(p masking.Party) []any {
			return []any{p.ID, p.Name, p.Number, ms(p.Created)}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) fillNumbers(ctx context.Context, f Filling) error {
	return bulk(ctx, tx, "proxy_numbers (id, number, country, state, available_seq, created_at)", "", f.Numbers, func(n masking.ProxyNumber) []any {
		return []any{n.ID, n.Number, n.Country, n.State, n.ID, ms(n.Created)}
	})
}

func (tx *Tx) fillRides(ctx context.Context, f Filling) error {
	type texts struct{ first, last int64 }
	last := lastID(f.Messages, func(m masking.Message) int64 { return m.ID })
	byRide := make(map[int64]texts, len(f.Rides))
	for _, m := range f.Messages {
		t, known := byRide[m.RideID]
		if !known {
			t.first = m.ID
		}
		byRide[m.RideID] = texts{min(t.first, m.ID), max(t.last, m.ID)}
	}
	var lastCall int64
	if err := tx.row(ctx, "SELECT COALESCE(MAX(id), 0) FROM calls").Scan(&lastCall); err != nil {
		return err
	}
	err := bulk(ctx, tx, `rides (id, start, destination, datetime, customer_id, driver_id, number_id, state, cancelled,
		created_at, ended_at, closed_at, due_at, texts_after, texts_until, calls_after)`, "", f.Rides, func(r masking.Ride) []any {
		t, known := byRide[r.ID]
		if !known {
			t = texts{last + 1, last}
		}
		until := int64(0)
		if r.State == masking.Closed {
			until = max(t.last, 1)
		}
		return []any{r.ID, r.Start, r.Destination, ms(r.At), r.Customer.ID, r.Driver.ID, r.Proxy.ID, r.State, r.Cancelled,
			ms(r.Created), ms(r.Ended), ms(r.ClosedAt), ms(r.Due), t.first - 1, until, lastCall}
	})
	if err != nil {
		return err
	}
	for _, role := range []masking.Role{masking.Customer, masking.Driver} {
		err := bulk(ctx, tx, "routes (ride_id, role, party, number_id, peer, peer_number_id, released_at)", "", f.Rides, func(r masking.Ride) []any {
			return []any{r.ID, role, r.Party(role).Number, r.Proxy.ID, r.Other(role).Number, r.Proxy.ID, ms(r.ClosedAt)}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// fillUses is what AddRide and ReleaseRoutes note of numbers, for all rides at once.
func (tx *Tx) fillUses(ctx context.Context, f Filling) error {
	type key struct {
		party  masking.Number
		number int64
	}
	type use struct {
		key
		country    string
		assignable bool
		live       bool
		usedAt     int64
	}
	type change struct{ number, live, usedAt int64 }
	var uses []use
	var changes []change
	useAt, changeAt := map[key]int{}, map[int64]int{}
	for _, r := range f.Rides {
		i, known := changeAt[r.Proxy.ID]
		if !known {
			i = len(changes)
			changeAt[r.Proxy.ID] = i
			changes = append(changes, change{number: r.Proxy.ID})
		}
		changes[i].usedAt = max(changes[i].usedAt, ms(r.Created))
		if r.State != masking.Closed {
			changes[i].live += 2
		}
		for _, party := range []masking.Number{r.Customer.Number, r.Driver.Number} {
			k := key{party, r.Proxy.ID}
			i, known := useAt[k]
			if !known {
				i = len(uses)
				useAt[k] = i
				uses = append(uses, use{key: k, country: r.Proxy.Country, assignable: r.Proxy.State == masking.Available})
			}
			uses[i].live = uses[i].live || r.State != masking.Closed
			uses[i].usedAt = max(uses[i].usedAt, ms(r.Created), ms(r.ClosedAt))
		}
	}
	err := bulk(ctx, tx, "number_uses (party, number_id, country, assignable, live, used_at)",
		` ON CONFLICT (party, number_id) DO UPDATE SET live = number_uses.live OR excluded.live,
		used_at = CASE WHEN excluded.used_at > number_uses.used_at THEN excluded.used_at ELSE number_uses.used_at END`,
		uses, func(u use) []any { return []any{u.party, u.number, u.country, u.assignable, u.live, u.usedAt} })
	if err != nil {
		return err
	}
	for _, c := range changes {
		_, err := tx.exec(ctx, `UPDATE proxy_numbers SET live_routes = live_routes + $1,
			used_at = CASE WHEN used_at < $2 THEN $2 ELSE used_at END WHERE id = $3`, c.live, c.usedAt, c.number)
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) fillMessages(ctx context.Context, f Filling) error {
	return bulk(ctx, tx, `messages (id, kind, state, ride_id, role, cause_id, originator, recipient, body, dedup_key, carrier_id,
		attempts, code, reason, created_at, sent_at, settled_at)`, "", f.Messages, func(m masking.Message) []any {
		key := ""
		if m.Kind == masking.Inbound {
			key = masking.Text{CarrierID: m.CarrierID}.Key()
		}
		return []any{m.ID, m.Kind, m.State, id(m.RideID), text(m.Role), id(m.CauseID), m.From, m.To, m.Body, text(key), text(m.CarrierID),
			m.Attempts, m.Code, m.Reason, ms(m.Created), ms(m.SentAt), ms(m.Settled)}
	})
}

func (tx *Tx) fillCalls(ctx context.Context, f Filling) error { return tx.RecordCalls(ctx, f.Calls) }

func (tx *Tx) fillWords(ctx context.Context, f Filling) error {
	var words []word
	for _, list := range [][]masking.Party{f.Customers, f.Drivers} {
		for _, p := range list {
			words = append(words, partyWords(p)...)
		}
	}
	for _, n := range f.Numbers {
		words = append(words, proxyWords(n)...)
	}
	for _, r := range f.Rides {
		words = append(words, rideWords(r)...)
	}
	// In the order of their index.
	slices.SortFunc(words, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.about, b.about), cmp.Compare(a.word, b.word), cmp.Compare(a.id, b.id))
	})
	return bulk(ctx, tx, "words (about, word, id)", "", words, word.values)
}

// fillLastIDs lets ids that the database gives out go on after those of f.
func (tx *Tx) fillLastIDs(ctx context.Context, f Filling) error {
	for _, t := range []struct {
		table string
		last  int64
	}{
		{"customers", lastID(f.Customers, func(p masking.Party) int64 { return p.ID })},
		{"drivers", lastID(f.Drivers, func(p masking.Party) int64 { return p.ID })},
		{"proxy_numbers", lastID(f.Numbers, func(n masking.ProxyNumber) int64 { return n.ID })},
		{"rides", lastID(f.Rides, func(r masking.Ride) int64 { return r.ID })},
		{"messages", lastID(f.Messages, func(m masking.Message) int64 { return m.ID })},
	} {
		if t.last == 0 {
			continue
		}
		if err := tx.engine.setLastID(ctx, tx.querier, t.table, t.last); err != nil {
			return err
		}
	}
	return nil
}

func lastID[T any](rows []T, id func(T) int64) (last int64) {
	for _, row := range rows {
		last = max(last, id(row))
	}
	return last
}

// bulk inserts many rows with few statements. Both engines know the two texts of
// each table by heart: one for a full statement, one for a row of the rest.
func bulk[T any](ctx context.Context, tx *Tx, into, tail string, rows []T, values func(T) []any) error {
	const perStatement = 50
	columns := strings.Count(into, ",") + 1
	full := "INSERT INTO " + into + " VALUES " + places(1, columns, perStatement) + tail
	single := "INSERT INTO " + into + " VALUES " + places(1, columns, 1) + tail
	args := make([]any, 0, min(len(rows), perStatement)*columns)
	for len(rows) > 0 {
		n, statement := perStatement, full
		if len(rows) < perStatement {
			n, statement = 1, single
		}
		args = args[:0]
		for _, row := range rows[:n] {
			args = append(args, values(row)...)
		}
		if _, err := tx.exec(ctx, statement, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// places is "($1, $2), ($3, $4)" for two columns and two rows from $1 on.
func places(first, columns, rows int) string {
	var b strings.Builder
	for i := range columns * rows {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("), ($")
		default:
			b.WriteString(", $")
		}
		b.WriteString(strconv.Itoa(first + i))
	}
	b.WriteString(")")
	return b.String()
}
