package store

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"birdcar/internal/masking"
)

const (
	// minutesKept is how long minutes are kept: longer than the pages look back.
	minutesKept = 26 * time.Hour
	// minutesRest is how old a minute is when it is counted: no transaction takes so
	// long, so nothing more can happen in it.
	minutesRest = time.Minute
	// minutesCounted is the setting that says up to which minute all are counted.
	minutesCounted = "minutes_counted"
)

// CountMinutes counts the texts that were sent, delivered and failed since it did so
// last, minute by minute, and forgets minutes of long ago. It reads each message
// once, by its times, so that a page need not, and texts on their way pay nothing.
func (s *Store) CountMinutes(ctx context.Context) error {
	oldest := s.now().Add(-minutesKept).Truncate(time.Minute)
	was, err := s.Setting(ctx, minutesCounted, strconv.FormatInt(minuteOf(oldest), 10))
	if err != nil {
		return err
	}
	from, err := minuteAt(was)
	if err != nil {
		return err
	}
	if from.Before(oldest) || from.After(s.now()) { // the clock was set back: what it counted meanwhile, it counts again
		from = oldest
	}
	until := s.now().Add(-minutesRest).Truncate(time.Minute)
	if !until.After(from) {
		return nil
	}
	minutes, err := s.countMinutes(ctx, from, until)
	if err != nil {
		return err
	}
	err = s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		// Of several processes that counted, one is first.
		moved, err := tx.exec(ctx, "UPDATE settings SET value = $1 WHERE name = $2 AND value = $3",
			strconv.FormatInt(minuteOf(until), 10), minutesCounted, was)
		if err != nil {
			return err
		} else if moved == 0 {
			return masking.ErrConflict
		}
		for _, m := range minutes {
			if _, err := tx.exec(ctx, `INSERT INTO text_minutes (minute, sent, delivered, failed) VALUES ($1, $2, $3, $4)
				ON CONFLICT (minute) DO UPDATE SET sent = excluded.sent, delivered = excluded.delivered, failed = excluded.failed`,
				minuteOf(m.At), m.Sent, m.Delivered, m.Failed); err != nil {
				return err
			}
		}
		_, err = tx.exec(ctx, "DELETE FROM text_minutes WHERE minute < $1", minuteOf(until.Add(-minutesKept)))
		return err
	})
	if errors.Is(err, masking.ErrConflict) {
		return nil
	}
	return err
}

// TextMinutes is what became of texts since a time, minute by minute, oldest first;
// minutes in which nothing happened are left out.
func (s *Store) TextMinutes(ctx context.Context, since time.Time) (minutes []masking.TextMinute, err error) {
	var value string
	counted := since
	switch err = s.row(ctx, "SELECT value FROM settings WHERE name = $1", minutesCounted).Scan(&value); {
	case found(err) == masking.ErrNotFound:
	case err != nil:
		return nil, err
	default:
		if counted, err = minuteAt(value); err != nil {
			return nil, err
		}
		if counted.After(s.now()) { // by a clock that was set back since
			counted = since
		}
	}
	minutes, err = list(ctx, s.querier, func(row scanner) (m masking.TextMinute, err error) {
		var minute int64
		err = row.Scan(&minute, &m.Sent, &m.Delivered, &m.Failed)
		m.At = time.Unix(minute*60, 0)
		return m, err
	}, "SELECT minute, sent, delivered, failed FROM text_minutes WHERE minute >= $1 AND minute < $2 ORDER BY minute",
		minuteOf(since), minuteOf(counted))
	if err != nil {
		return nil, err
	}
	if since.After(counted) {
		counted = since
	}
	rest, err := s.countMinutes(ctx, counted, s.now().Add(time.Minute))
	return append(minutes, rest...), err
}

// countMinutes reads from the messages what happened in [from, until).
func (s *Store) countMinutes(ctx context.Context, from, until time.Time) ([]masking.TextMinute, error) {
	byMinute := map[int64]*masking.TextMinute{}
	type count struct {
		minute, texts int64
		state         masking.MessageState
	}
	// The condition of the index comes last: SQLite enters it by the first lower
	// bound that it reads.
	for _, query := range []string{
		`SELECT sent_at / 60000, 'sent', COUNT(*) FROM messages
			WHERE sent_at >= $1 AND sent_at < $2 AND sent_at > 0 GROUP BY sent_at / 60000`,
		`SELECT settled_at / 60000, state, COUNT(*) FROM messages
			WHERE settled_at >= $1 AND settled_at < $2 AND settled_at > 0 GROUP BY settled_at / 60000, state`,
	} {
		counts, err := list(ctx, s.querier, func(row scanner) (c count, err error) {
			err = row.Scan(&c.minute, &c.state, &c.texts)
			return c, err
		}, query, ms(from), ms(until))
		if err != nil {
			return nil, err
		}
		for _, c := range counts {
			m := byMinute[c.minute]
			if m == nil {
				m = &masking.TextMinute{At: time.Unix(c.minute*60, 0)}
				byMinute[c.minute] = m
			}
			switch c.state {
			case masking.Sent:
				m.Sent = c.texts
			case masking.Delivered:
				m.Delivered = c.texts
			case masking.Failed:
				m.Failed = c.texts
			}
		}
	}
	minutes := make([]masking.TextMinute, 0, len(byMinute))
	for _, m := range byMinute {
		minutes = append(minutes, *m)
	}
	slices.SortFunc(minutes, func(a, b masking.TextMinute) int { return a.At.Compare(b.At) })
	return minutes, nil
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// minuteAt is when a minute began that is written as in the settings.
func minuteAt(value string) (time.Time, error) {
	minute, err := strconv.ParseInt(value, 10, 64)
	return time.Unix(minute*60, 0), err
}
