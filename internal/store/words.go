package store

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"birdcar/internal/masking"
)

// What a word is about, and so what its id is the id of.
const (
	ofPlaces      = "place" // a ride
	ofProxyNumber = "proxy number"
)

func ofName(role masking.Role) string   { return string(role) + " name" }
func ofNumber(role masking.Role) string { return string(role) + " number" }

// backwards are a number's digits from the last to the first: what numbers end in
// is what these begin with.
func backwards(digits string) string {
	b := []byte(digits)
	slices.Reverse(b)
	return string(b)
}

// word is something that a search finds id by.
type word struct {
	about, word string
	id          int64
}

func (w word) values() []any { return []any{w.about, w.word, w.id} }

func partyWords(p masking.Party) []word {
	words := []word{{ofNumber(p.Role), backwards(p.Number.Digits()), p.ID}}
	for _, w := range masking.Words(p.Name) {
		words = append(words, word{ofName(p.Role), w, p.ID})
	}
	return words
}

func proxyWords(n masking.ProxyNumber) []word {
	return []word{{ofProxyNumber, backwards(n.Number.Digits()), n.ID}}
}

func rideWords(r masking.Ride) []word {
	var words []word
	for _, w := range masking.Words(r.Start, r.Destination) {
		words = append(words, word{ofPlaces, w, r.ID})
	}
	return words
}

// addWords takes one statement for all of them: a ride has some six.
func (tx *Tx) addWords(ctx context.Context, words []word) error {
	if len(words) == 0 {
		return nil
	}
	args := make([]any, 0, 3*len(words))
	for _, w := range words {
		args = append(args, w.values()...)
	}
	_, err := tx.exec(ctx, "INSERT INTO words (about, word, id) VALUES "+places(1, 3, len(words))+" ON CONFLICT DO NOTHING", args...)
	return err
}

var dropWords = aboutRows(`WITH named (about, word, id) AS (VALUES)
	DELETE FROM words WHERE (about, word, id) IN (SELECT about, word, id FROM named)`, 0, "TEXT", "TEXT", "BIGINT")

func (tx *Tx) dropWords(ctx context.Context, words []word) error {
	_, err := execParts(ctx, tx.querier, dropWords, nil, words, word.values)
	return err
}

// foldWords makes the stored words of names and places what masking.Words makes of them since it
// leaves accents out. Those are few, or few of all; it takes as many at a time as memory easily holds.
func (tx *Tx) foldWords(ctx context.Context) error {
	for _, about := range []string{ofName(masking.Customer), ofName(masking.Driver), ofPlaces} {
		for last := (word{}); ; {
			stored, err := list(ctx, tx.querier, func(row scanner) (w word, err error) {
				w.about = about
				return w, row.Scan(&w.word, &w.id)
			}, "SELECT word, id FROM words WHERE about = $1 AND (word, id) > ($2, $3) ORDER BY word, id LIMIT 10000", about, last.word, last.id)
			if err != nil {
				return err
			}
			if len(stored) == 0 {
				break
			}
			last = stored[len(stored)-1]
			var old, folded []word
			for _, w := range stored {
				words := masking.Words(w.word)
				if slices.Equal(words, []string{w.word}) {
					continue
				}
				old = append(old, w)
				for _, f := range words {
					folded = append(folded, word{about, f, w.id})
				}
			}
			if err := tx.dropWords(ctx, old); err != nil {
				return err
			}
			if err := bulk(ctx, tx, "words (about, word, id)", " ON CONFLICT DO NOTHING", folded, word.values); err != nil {
				return err
			}
		}
	}
	return nil
}

// withPrefix are ids of what has a word that begins with prefix, limit at most.
func (r reads) withPrefix(ctx context.Context, about, prefix string, limit int) ([]int64, error) {
	return list(ctx, r.querier, scanID, `SELECT DISTINCT id FROM (SELECT id FROM words
		WHERE about = $1 AND word >= $2 AND word < $3 LIMIT $4) AS found`, about, prefix, prefix+lastRune, limit)
}

// wordsWithPrefix are the words that begin with prefix, limit at most, each found
// by one look into the index, however many things have it.
func (r reads) wordsWithPrefix(ctx context.Context, about, prefix string, limit int) ([]string, error) {
	var words []string
	for after := prefix; len(words) < limit; {
		next, err := list(ctx, r.querier, scanWord, `SELECT word FROM words
			WHERE about = $1 AND word >= $2 AND word < $3 ORDER BY word LIMIT 1`, about, after, prefix+lastRune)
		if err != nil || len(next) == 0 {
			return words, err
		}
		words = append(words, next[0])
		after = next[0] + "\x01" // no word holds a control character
	}
	return words, nil
}

// lastRune sorts behind every character.
const lastRune = "\U0010FFFF"

func scanID(row scanner) (id int64, err error) {
	err = row.Scan(&id)
	return id, err
}

func scanWord(row scanner) (word string, err error) {
	err = row.Scan(&word)
	return word, err
}

// arguments are those of a query that is put together.
type arguments []any

// add returns the place of one more: "$3".
func (a *arguments) add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// maxTerms bounds how many different SQL texts there are.
const maxTerms = 4

// meeting goes on with a condition: that the row meets every term, by the words or the numbers that
// are about it in these ways.
func (a *arguments) meeting(terms []masking.Term, wordsAbout, numbersAbout string) string {
	begins := func(about, prefix string) string {
		return "SELECT id FROM words WHERE about = " + a.add(about) + " AND word >= " + a.add(prefix) + " AND word < " + a.add(prefix+lastRune)
	}
	var where strings.Builder
	for _, term := range terms[:min(len(terms), maxTerms)] {
		var finds []string
		if term.Word != "" {
			finds = append(finds, begins(wordsAbout, term.Word))
		}
		for _, ending := range term.Endings {
			finds = append(finds, begins(numbersAbout, backwards(ending)))
		}
		where.WriteString(" AND id IN (" + strings.Join(finds, " UNION ") + ")")
	}
	return where.String()
}
