package exchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

const (
	// RosterKept is how long a roster can be looked at.
	RosterKept  = 24 * time.Hour
	rosterBatch = 100 // lines that one transaction writes, so that texts need not wait long
)

// PlanRoster reads a file of customers or drivers, and keeps for each line what
// would become of it, for a day. It changes nothing on the lists. masking.Invalid tells what
// is wrong with the field file.
func (x *Exchange) PlanRoster(ctx context.Context, role masking.Role, file io.Reader) (id int64, err error) {
	lines, err := readRoster(file)
	if err != nil {
		return 0, err
	}
	firstWith := make(map[masking.Number]masking.RosterLine, len(lines))
	for start := 0; start < len(lines); start += rosterBatch {
		batch := lines[start:min(start+rosterBatch, len(lines))]
		parties, err := x.judge(ctx, x.Store, role, batch)
		if err != nil {
			return 0, err
		}
		for i, p := range parties {
			if batch[i].Verdict == masking.Refuse {
				continue
			}
			before, again := firstWith[p.Number]
			switch {
			case !again:
				firstWith[p.Number] = batch[i]
			case before.Verdict != masking.Known || batch[i].Verdict != masking.Known:
				batch[i].Verdict, batch[i].Note = masking.Refuse, fmt.Sprintf("Line %d has the same number.", before.Line)
			}
		}
	}
	err = x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		id, err = tx.AddRoster(ctx, role)
		return err
	})
	if err != nil {
		return 0, err
	}
	for start := 0; start < len(lines); start += rosterBatch {
		batch := lines[start:min(start+rosterBatch, len(lines))]
		err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddRosterLines(ctx, id, batch) })
		if err != nil {
			return 0, err
		}
	}
	return id, nil
}

// lists is what a judgement needs to know.
type lists interface {
	PartiesWith(ctx context.Context, role masking.Role, numbers []masking.Number) ([]masking.Party, error)
	PoolWith(ctx context.Context, numbers []masking.Number) ([]masking.Number, error)
}

// judge gives each line its verdict by the lists as they are now, and returns the
// people, with the id of whom a line changes. It does not know of other lines.
func (x *Exchange) judge(ctx context.Context, l lists, role masking.Role, lines []masking.RosterLine) ([]masking.Party, error) {
	parties := make([]masking.Party, len(lines))
	numbers := make([]masking.Number, 0, len(lines))
	for i, line := range lines {
		parties[i] = masking.Party{Role: role, Name: line.Name}
		parties[i].Number, _ = masking.ParseNumber(line.Number, x.Country) // no number: the verdict says so
		if !parties[i].Number.IsZero() {
			numbers = append(numbers, parties[i].Number)
		}
	}
	known, err := l.PartiesWith(ctx, role, numbers)
	if err != nil {
		return nil, err
	}
	onList := make(map[masking.Number][]masking.Party, len(known))
	for _, p := range known {
		onList[p.Number] = append(onList[p.Number], p)
	}
	pool, err := l.PoolWith(ctx, numbers)
	if err != nil {
		return nil, err
	}
	inPool := make(map[masking.Number]bool, len(pool))
	for _, n := range pool {
		inPool[n] = true
	}
	for i := range lines {
		p := &parties[i]
		lines[i].Verdict, lines[i].Note = masking.Judge(lines[i], p.Number, onList[p.Number], inPool[p.Number])
		if lines[i].Verdict == masking.Change {
			p.ID = onList[p.Number][0].ID
		}
	}
	return parties, nil
}

// StartRoster has a planned roster written, by Chores. masking.ErrNotFound: there
// is none, or its day is over; masking.ErrConflict: it was started before.
func (x *Exchange) StartRoster(ctx context.Context, role masking.Role, id int64) error {
	err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if _, err := tx.Roster(ctx, role, id); err != nil {
			return err
		}
		return tx.SetRosterState(ctx, id, masking.RosterPlanned, masking.RosterRunning)
	})
	if err == nil {
		x.hasChores()
	}
	return err
}

// DiscardRoster forgets a roster that is not being written. masking.ErrNotFound;
// masking.ErrConflict: it is being written.
func (x *Exchange) DiscardRoster(ctx context.Context, role masking.Role, id int64) error {
	if _, err := x.Store.Roster(ctx, role, id); err != nil {
		return err
	}
	return x.dropRoster(ctx, id)
}

func (x *Exchange) dropRoster(ctx context.Context, id int64) error {
	for {
		var more bool
		err := x.Store.Tx(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
			more, err = tx.DropRoster(ctx, id, rosterBatch)
			return err
		})
		if err != nil || !more {
			return err
		}
	}
}

// WriteRosters writes every roster that was started, also one that another run
// left half-way: a batch of lines and how far it got are one transaction. Chores
// does it by itself.
func (x *Exchange) WriteRosters(ctx context.Context) error {
	for ctx.Err() == nil {
		id, err := x.Store.RunningRoster(ctx)
		if errors.Is(err, masking.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		if err := x.tx(ctx, func(ctx context.Context, tx *store.Tx, b *batch) error { return x.writeRoster(ctx, tx, b, id) }); err != nil {
			return fmt.Errorf("list %d: %w", id, err)
		}
	}
	return ctx.Err()
}

// writeRoster writes a roster's next batch. What a line does is decided anew: the
// lists may have changed since it was planned.
func (x *Exchange) writeRoster(ctx context.Context, tx *store.Tx, b *batch, id int64) error {
	roster, err := tx.TakeRoster(ctx, id)
	if errors.Is(err, masking.ErrNotFound) { // another process has just finished it
		return nil
	} else if err != nil {
		return err
	}
	lines, err := tx.RosterFrom(ctx, id, roster.Written, rosterBatch)
	if err != nil {
		return err
	}
	b.tell(masking.Event{Kind: masking.ListsChanged, At: tx.Now})
	if len(lines) == 0 {
		return tx.SetRosterState(ctx, id, masking.RosterRunning, masking.RosterDone)
	}
	was := make([]masking.RosterLine, len(lines))
	copy(was, lines)
	parties, err := x.judge(ctx, tx, roster.Role, lines)
	if err != nil {
		return err
	}
	for i, line := range lines {
		if was[i].Verdict == masking.Refuse { // it may also be another line's fault
			continue
		}
		switch line.Verdict {
		case masking.Add:
			err = tx.AddParty(ctx, &parties[i])
		case masking.Change:
			err = tx.SetParty(ctx, parties[i], parties[i].Number)
		}
		if err == nil && line.Verdict != was[i].Verdict {
			err = tx.SetRosterLine(ctx, id, line)
		}
		if err != nil {
			return err
		}
	}
	return tx.SetRosterWritten(ctx, id, lines[len(lines)-1].Line)
}

func (x *Exchange) dropOldRosters(ctx context.Context) error {
	old, err := x.Store.OldRosters(ctx, x.Now().Add(-RosterKept))
	if err != nil {
		return err
	}
	for _, id := range old {
		if err := x.dropRoster(ctx, id); err != nil && !errors.Is(err, masking.ErrConflict) { // started, or gone, meanwhile
			return err
		}
	}
	return nil
}
