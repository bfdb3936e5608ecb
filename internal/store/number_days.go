package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"birdcar/internal/masking"
)

// counted is the setting that holds the id up to which texts were counted.
const counted = "texts_counted"

type numberDay struct {
	number masking.Number
	day    int
}

// compare orders as the table's key does: rows in its order are found one beside the other.
func (d numberDay) compare(other numberDay) int {
	return cmp.Or(cmp.Compare(d.number.E164(), other.number.E164()), cmp.Compare(d.day, other.day))
}

// quarter is a quarter of an hour in milliseconds. Each of UTC's lies in one day of whatever
// zone, because all zones are a multiple of it away.
const quarter = 15 * 60 * 1000

var addDays = aboutRows(`WITH counted (number, day, texts) AS (VALUES)
	INSERT INTO number_days (number, day, texts) SELECT number, day, texts FROM counted WHERE number IS NOT NULL
	ON CONFLICT (number, day) DO UPDATE SET texts = number_days.texts + excluded.texts`, 0, "TEXT", "BIGINT", "BIGINT")

// clockAhead is how much later than now a text may have been made, by another instance's clock. One
// from further ahead was made by a clock that was set back since, and holds up none behind it.
const clockAhead = time.Minute

// CountTexts counts texts that no one counted yet into the days of their proxy
// numbers, limit at most, up to those made before a time; days are zone's. It
// reports whether there may be more. Each text is counted once, whoever calls it and when.
func (s *Store) CountTexts(ctx context.Context, zone *time.Location, before time.Time, limit int) (more bool, err error) {
	was, err := s.Setting(ctx, counted, "0")
	if err != nil {
		return false, err
	}
	last, err := strconv.ParseInt(was, 10, 64)
	if err != nil {
		return false, err
	}
	var first sql.NullInt64
	if err := s.row(ctx, "SELECT MIN(id) FROM messages WHERE id > $1", last).Scan(&first); err != nil || !first.Valid {
		return false, err
	}
	days := map[numberDay]int{}
	_, err = list(ctx, s.querier, func(row scanner) (none struct{}, err error) {
		var number masking.Number
		var quarters, texts, newest int64
		err = row.Scan(&number, &quarters, &texts, &newest)
		days[numberDay{number, dayNumber(time.UnixMilli(quarters * quarter).In(zone))}] += int(texts)
		last = max(last, newest)
		return none, err
	}, `SELECT CASE kind WHEN 'inbound' THEN recipient ELSE originator END, created_at / `+strconv.Itoa(quarter)+`, COUNT(*), MAX(id)
		FROM messages WHERE id >= $1 AND id < $2
		AND id < COALESCE((SELECT id FROM messages WHERE id >= $1 AND id < $2 AND created_at > $3 AND created_at < $4 ORDER BY id LIMIT 1), $2) GROUP BY 1, 2`,
		first.Int64, first.Int64+int64(limit), ms(before), ms(s.now().Add(clockAhead)))
	if err != nil || len(days) == 0 {
		return false, err
	}
	err = s.Tx(ctx, func(ctx context.Context, tx *Tx) error {
		changed, err := tx.exec(ctx, "UPDATE settings SET value = $1 WHERE name = $2 AND value = $3", strconv.FormatInt(last, 10), counted, was)
		if err != nil {
			return err
		} else if changed == 0 {
			return masking.ErrConflict
		}
		_, err = execParts(ctx, tx.querier, addDays, nil, slices.SortedFunc(maps.Keys(days), numberDay.compare),
			func(d numberDay) []any { return []any{d.number, d.day, days[d]} })
		return err
	})
	if errors.Is(err, masking.ErrConflict) { // another process counted them
		return false, nil
	}
	return true, err
}

// DropDays forgets what was counted of days before one.
func (tx *Tx) DropDays(ctx context.Context, before time.Time) error {
	if _, err := tx.exec(ctx, "DELETE FROM number_days WHERE day < $1", dayNumber(before)); err != nil {
		return err
	}
	_, err := tx.exec(ctx, "DELETE FROM pool_days WHERE day < $1", dayNumber(before))
	return err
}

// NumberDay is what went through a proxy number on a day.
type NumberDay struct {
	Day    time.Time // midnight UTC of its date
	Texts  int
	Failed int
}

// NumberDays are what went through each of some proxy numbers on the days from
// first to last, one entry for each day. Days are zone's. A failure counts on the
// day it was known; only the newest ten thousand are read.
func (r reads) NumberDays(ctx context.Context, numbers []masking.Number, first, last time.Time, zone *time.Location) (map[masking.Number][]NumberDay, error) {
	first, last = dayOf(dayNumber(first)), dayOf(dayNumber(last))
	result := make(map[masking.Number][]NumberDay, len(numbers))
	for _, n := range numbers {
		for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
			result[n] = append(result[n], NumberDay{Day: day})
		}
	}
	on := func(n masking.Number, day time.Time) *NumberDay {
		i := int(day.Sub(first).Hours() / 24)
		if i < 0 || i >= len(result[n]) { // another number, or a day after the last
			return &NumberDay{}
		}
		return &result[n][i]
	}
	query := "SELECT number, day, texts FROM number_days WHERE number IN (" + numberPlaces + ") AND day >= $" + strconv.Itoa(atOnce+1)
	err := inParts(numbers, func(places []any) error {
		_, err := list(ctx, r.querier, func(row scanner) (none struct{}, err error) {
			var n masking.Number
			var day, texts int
			err = row.Scan(&n, &day, &texts)
			on(n, dayOf(day)).Texts += texts
			return none, err
		}, query, append(places[:atOnce:atOnce], dayNumber(first))...)
		return err
	})
	if err != nil {
		return nil, err
	}
	midnight := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, zone)
	_, err = list(ctx, r.querier, func(row scanner) (none struct{}, err error) {
		var n masking.Number
		var known time.Time
		err = row.Scan(&n, at(&known))
		on(n, dayOf(dayNumber(known.In(zone)))).Failed++
		return none, err
	}, "SELECT originator, settled_at FROM messages WHERE state = 'failed' AND settled_at >= $1 ORDER BY settled_at DESC LIMIT 10000", ms(midnight))
	return result, err
}
