package store

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"birdcar/internal/masking"
)

// explaining keeps the plan of every statement that goes through it.
type explaining struct {
	querier
	t     *testing.T
	under string // what is being done
	plans *[]string
}

func (e *explaining) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	e.explain(ctx, query, args)
	return e.db.ExecContext(ctx, query, args...)
}

func (e *explaining) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	e.explain(ctx, query, args)
	return e.db.QueryContext(ctx, query, args...)
}

func (e *explaining) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	e.explain(ctx, query, args)
	return e.db.QueryRowContext(ctx, query, args...)
}

// step is a line of a plan that reads a table or sorts.
var step = regexp.MustCompile(`^(SCAN|SEARCH) \w+|^USE TEMP B-TREE`)

// small is what is no table: rows of values, under whichever name, the few messages that a claim takes, and the parts that a report looks
// into, or whoever asks for a ride's texts.
var small = regexp.MustCompile(`^SCAN (CONSTANT ROW|\d+ CONSTANT ROWS|\d+-ROW VALUES CLAUSE|(due|taken|lane|asked|added|u|newest|last|named|part|of_ride|listed)$)`)

func (e *explaining) explain(ctx context.Context, query string, args []any) {
	e.t.Helper()
	rows, err := e.db.QueryContext(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		e.t.Errorf("%s: %v", query, err)
		return
	}
	defer rows.Close()
	var steps []string
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			e.t.Fatal(err)
		}
		if step.MatchString(detail) && !small.MatchString(detail) {
			steps = append(steps, detail)
		}
	}
	if err := rows.Err(); err != nil {
		e.t.Error(err)
	}
	for _, s := range steps {
		if !strings.HasPrefix(s, "SEARCH") {
			e.t.Errorf("%s: %s\n%s", e.under, s, strings.Join(strings.Fields(query), " "))
		}
	}
	if len(steps) > 0 {
		*e.plans = append(*e.plans, fmt.Sprintf("%-23s %s", e.under, strings.Join(steps, "\n"+strings.Repeat(" ", 24))))
	}
}

// Whatever a ride, a text or a call asks of the database, it finds by an index:
// nothing is read from end to end and nothing sorted. -v shows the plans.
func TestPlans(t *testing.T) {
	was := looks
	defer func() { looks = was }()
	looks.few, looks.many = 1, 1 // so that lists of uses are asked
	ctx := context.Background()
	s, err := Open(ctx, filepath.Join(t.TempDir(), "birdcar.db"), func() time.Time { return time.UnixMilli(1_800_000_000_000) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var plans []string
	number := func(digits string) masking.Number {
		n, err := masking.ParseCarrier(digits, "GB")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ada := masking.Party{Role: masking.Customer, Name: "Ada", Number: number("447700900101")}
	bob := masking.Party{Role: masking.Driver, Name: "Bob", Number: number("447700900201")}
	newPhone := number("447700900109")
	ride := masking.Ride{At: time.UnixMilli(1_800_000_000_000), Due: time.UnixMilli(1_800_000_000_000)}
	var claimed []masking.Message

	for _, work := range []struct {
		name string
		do   func(ctx context.Context, tx *Tx) error
	}{
		{"number added", func(ctx context.Context, tx *Tx) error {
			for _, digits := range []string{"447700900901", "12125550192"} {
				if _, err := tx.AddProxyNumber(ctx, number(digits)); err != nil {
					return err
				}
			}
			return nil
		}},
		{"person added", func(ctx context.Context, tx *Tx) error {
			if err := tx.AddParty(ctx, &ada); err != nil {
				return err
			}
			if _, err := tx.IsParty(ctx, newPhone); err != nil {
				return err
			}
			return tx.AddParty(ctx, &bob)
		}},
		{"ride: parties", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.Party(ctx, masking.Customer, ada.ID); err != nil {
				return err
			}
			_, err := tx.InPool(ctx, ada.Number)
			return err
		}},
		{"ride: number", func(ctx context.Context, tx *Tx) (err error) {
			ride.Customer, ride.Driver = ada, bob
			ride.Proxy, err = tx.ChooseNumber(ctx, ada.Number, bob.Number, "GB")
			return err
		}},
		{"ride: stored", func(ctx context.Context, tx *Tx) error { return tx.AddRide(ctx, &ride) }},
		{"ride: texts", func(ctx context.Context, tx *Tx) error {
			_, err := tx.Enqueue(ctx, Unsent{Kind: masking.Confirming, RideID: ride.ID, From: ride.Proxy.Number, To: ada.Number, Body: "b"}, 0)
			return err
		}},
		{"text: route, or loop", func(ctx context.Context, tx *Tx) error {
			_, _, err := tx.RouteOrLoop(ctx, ride.Proxy.Number, ada.Number)
			return err
		}},
		{"text again: route", func(ctx context.Context, tx *Tx) error {
			_, err := tx.RouteOf(ctx, ride.ID, masking.Driver)
			return err
		}},
		{"text: stored", func(ctx context.Context, tx *Tx) error {
			_, _, err := tx.AddInbound(ctx, Received{masking.Text{CarrierID: "1", From: ada.Number, To: ride.Proxy.Number}, ride.ID, masking.Customer}, masking.Relayed)
			return err
		}},
		{"text: claimed", func(ctx context.Context, tx *Tx) (err error) {
			claimed, err = tx.Claim(ctx, 10, time.Minute)
			return err
		}},
		{"text: sent", func(ctx context.Context, tx *Tx) error {
			claimed[0].CarrierID = "carrier's id"
			marked, err := tx.MarkSent(ctx, append(claimed, masking.Message{ID: 99})...) // which is nobody's
			if err != nil {
				return err
			}
			_, err = tx.ClaimNext(ctx, time.Minute, marked...)
			return err
		}},
		{"text: next made due", func(ctx context.Context, tx *Tx) error {
			_, err := tx.ClaimNext(ctx, 0, claimed...)
			return err
		}},
		{"texts: routes", func(ctx context.Context, tx *Tx) error {
			of, err := tx.TextRoutes(ctx, []masking.Text{{From: ada.Number, To: ride.Proxy.Number}})
			if err == nil && of[0].RideID != ride.ID {
				err = fmt.Errorf("found %+v for a text", of)
			}
			return err
		}},
		{"calls: connections", func(ctx context.Context, tx *Tx) error {
			of, err := tx.Connections(ctx, []masking.Call{{From: ada.Number, To: ride.Proxy.Number}})
			if err == nil && of[0].RideID != ride.ID {
				err = fmt.Errorf("found %+v for a call", of)
			}
			return err
		}},
		{"texts: stored", func(ctx context.Context, tx *Tx) error {
			ids, err := tx.AddRelayed(ctx, []Received{{masking.Text{CarrierID: "2", From: ada.Number, To: ride.Proxy.Number}, ride.ID, masking.Customer}})
			if err != nil {
				return err
			}
			_, err = tx.EnqueueAll(ctx, []Unsent{{Kind: masking.Relaying, RideID: ride.ID, CauseID: ids[0], From: ride.Proxy.Number, To: bob.Number, Body: "b"}}, time.Minute)
			return err
		}},
		{"text: report", func(ctx context.Context, tx *Tx) error {
			for _, r := range []masking.Report{{Reference: claimed[0].Reference}, {CarrierID: "carrier's id"}} {
				m, err := tx.ByReport(ctx, r)
				if err != nil || m.ID != claimed[0].ID {
					return fmt.Errorf("report %v is about message %d, %v; want %d", r, m.ID, err, claimed[0].ID)
				}
			}
			return nil
		}},
		{"ride: end", func(ctx context.Context, tx *Tx) error {
			due, err := tx.DueRides(ctx, tx.Now, 100)
			if err != nil || len(due) != 1 {
				return fmt.Errorf("%d rides are due, %v; want 1", len(due), err)
			}
			ride.State = masking.Lingering
			return tx.SetRide(ctx, ride, masking.Open)
		}},
		{"number changed", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.LiveRides(ctx, masking.Customer, ada.ID); err != nil {
				return err
			}
			if err := tx.MoveRoutes(ctx, ride, ada.Number, newPhone); err != nil {
				return err
			}
			if err := tx.InheritUses(ctx, ada.Number, newPhone); err != nil {
				return err
			}
			_, err := tx.Readdress(ctx, ada, newPhone)
			return err
		}},
		{"ride: close", func(ctx context.Context, tx *Tx) error {
			ride.State = masking.Closed
			if err := tx.SetRide(ctx, ride, masking.Lingering); err != nil {
				return err
			}
			return tx.ReleaseRoutes(ctx, ride.ID)
		}},
		{"text after the ride", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.ReleasedRoute(ctx, ride.Proxy.Number, newPhone); err != nil {
				return err
			}
			_, err := tx.TellEnded(ctx, ride.ID, newPhone)
			return err
		}},
		{"forgotten: ride", func(ctx context.Context, tx *Tx) error {
			closed, err := tx.ClosedRides(ctx, tx.Now, nil, 20)
			if err != nil || len(closed) != 0 {
				return fmt.Errorf("%d rides closed before now, %v; want none", len(closed), err)
			}
			gone := ride
			gone.ID = 99
			_, _, err = tx.ForgetRides(ctx, []masking.Ride{gone})
			return err
		}},
		{"forgotten: uses", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.ForgetUses(ctx, tx.Now.Add(-time.Hour), 200); err != nil {
				return err
			}
			for _, statement := range forgetUses {
				if _, err := execParts(ctx, tx.querier, statement, []any{0}, []partyOnNumber{{ada.Number, 1}}, partyOnNumber.values); err != nil {
					return err
				}
			}
			return nil
		}},
		{"forgotten: lists", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.ListedPhones(ctx, masking.Number{}, 1000); err != nil {
				return err
			}
			if _, err := tx.ForgetList(ctx, ada.Number, 200); err != nil {
				return err
			}
			_, err := tx.ForgetList(ctx, newPhone, 200)
			return err
		}},
		{"forgotten: people", func(ctx context.Context, tx *Tx) error {
			_, err := tx.ForgetParties(ctx, tx.Now, 200)
			return err
		}},
		{"forgotten: texts, calls", func(ctx context.Context, tx *Tx) error {
			if _, err := tx.ForgetTexts(ctx, tx.Now.Add(-time.Hour), 0, 200); err != nil {
				return err
			}
			if _, err := tx.ForgetCalls(ctx, tx.Now.Add(-time.Hour), 0, 200); err != nil {
				return err
			}
			for _, statement := range []manyRows{forgetTexts, forgetCalls} {
				if _, err := execParts(ctx, tx.querier, statement, nil, []int64{99}, ofID); err != nil {
					return err
				}
			}
			return nil
		}},
		{"ride again: from lists", func(ctx context.Context, tx *Tx) error { // at home, and abroad
			n, err := tx.ChooseNumber(ctx, newPhone, bob.Number, "GB")
			if err == nil && n.ID != ride.Proxy.ID {
				err = fmt.Errorf("got number %d, want the least recent one, %d", n.ID, ride.Proxy.ID)
			}
			if err == nil {
				_, err = tx.ChooseNumber(ctx, newPhone, bob.Number, "NL")
			}
			return err
		}},
	} {
		err := s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
			tx.db = &explaining{querier: tx.querier, t: t, under: work.name, plans: &plans}
			return work.do(ctx, tx)
		})
		if err != nil {
			t.Fatalf("%s: %v", work.name, err)
		}
	}
	s.db = &explaining{querier: s.querier, t: t, under: "call", plans: &plans}
	if _, err := s.Route(ctx, ride.Proxy.Number, ada.Number); err != masking.ErrNotFound {
		t.Errorf("call: %v", err)
	}
	if _, err := s.ReleasedRoute(ctx, ride.Proxy.Number, newPhone); err != nil {
		t.Errorf("call: %v", err)
	}
	t.Log("\n" + strings.Join(plans, "\n"))
}

// A plan that depends on a parameter is made anew for each run, however well the statement is kept.
func TestRewriteDollars(t *testing.T) {
	const query, want = "SELECT (SELECT 1 LIMIT $2), 1 WHERE $1 = $2 LIMIT $10", "SELECT (SELECT 1 LIMIT (?2 + 0)), 1 WHERE ?1 = ?2 LIMIT (?10 + 0)"
	for range 2 { // it is kept
		if got := rewriteDollars(query); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
