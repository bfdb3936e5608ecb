package masking

import (
	"slices"
	"strings"
	"unicode"
)

// Words are the words of texts as a search compares them: letters and digits in
// lower case, each word once.
func Words(texts ...string) []string {
	var words []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
		}) {
			if !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// Term is one of the things that somebody searches for: a word of a name or
// place, or a phone number, or either.
type Term struct {
	Word    string   // begins a word; empty: a number is meant
	Endings []string // ways to read the last digits of a number; empty: a word is meant
}

// minEnding is how many digits stand for a phone number that ends in them.
const minEnding = 4

// Terms reads a search: words, or a phone number in any written form, national
// ones as of country, or its last digits. A result has to meet every term.
func Terms(typed, country string) []Term {
	if endings := endingsOf(typed, country); len(endings) > 0 {
		term := Term{Endings: endings}
		if words := Words(typed); len(words) == 1 {
			term.Word = words[0]
		}
		return []Term{term}
	}
	var terms []Term
	for _, word := range Words(typed) {
		terms = append(terms, Term{Word: word, Endings: endingsOf(word, country)})
	}
	return terms
}

// endingsOf are the digits that numbers end in when s was typed for one.
func endingsOf(s, country string) []string {
	tidied, err := tidy(s)
	if err != nil {
		return nil
	}
	digits := strings.TrimPrefix(tidied, "+")
	if len(digits) < minEnding {
		return nil
	}
	endings := []string{digits}
	if n, err := ParseNumber(s, country); err == nil && n.Digits() != digits {
		endings = append(endings, n.Digits())
	}
	return endings
}

// Meets reports whether something with these words and numbers has what is
// searched for.
func (t Term) Meets(words []string, numbers ...Number) bool {
	if t.Word != "" && slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, t.Word) }) {
		return true
	}
	return slices.ContainsFunc(t.Endings, func(ending string) bool {
		return slices.ContainsFunc(numbers, func(n Number) bool { return strings.HasSuffix(n.e164, ending) })
	})
}
