package masking

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Words are the words of texts as a search compares them: letters and digits in
// lower case and without accents, each word once. Words of words are the same.
func Words(texts ...string) []string {
	var words []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(plain(text), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.M, r)
		}) {
			if !slices.Contains(words, word) {
				words = append(words, word)
			}
		}
	}
	return words
}

// plain are the letters that people type who have no others on their keyboard: jose for José, lodz
// for Łódź. Whether a letter and its accent came as one character or as two, as from a Mac's
// files, makes no difference either. What is no accent stays: a vowel in Hindi, a dot in Arabic.
func plain(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) { // as mostly
		return strings.ToLower(text)
	}
	text = strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f { // Unicode's block Combining Diacritical Marks
			return -1
		}
		return unicode.ToLower(unicode.ToUpper(r)) // two small letters may have the same large one: σ and ς
	}, norm.NFKD.String(text))
	return otherLetters.Replace(norm.NFC.String(text))
}

// otherLetters are no letters with an accent to Unicode, but to those who type them.
var otherLetters = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ħ", "h",
	"ł", "l", "ŧ", "t")

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
	n, _ := ParseNumber(s, country) // no number: its last digits perhaps
	var endings []string
	// 00 begins an international number, or the last digits of one.
	for _, digits := range []string{strings.TrimPrefix(tidied, "+"), strings.TrimSpace(s), n.Digits()} {
		if len(digits) >= minEnding && allDigits(digits) && !slices.Contains(endings, digits) {
			endings = append(endings, digits)
		}
	}
	return endings
}

func allDigits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
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
