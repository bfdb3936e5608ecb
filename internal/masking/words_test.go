package masking

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                      nil,
		"Caitlyn Carless":       {"caitlyn", "carless"},
		"  Dam 1,  dam-square ": {"dam", "1", "square"},
		"ZOË O'Neill":           {"zoe", "o", "neill"},
		"Zoe\u0308 Zoë zoe":     {"zoe"},
		"José Müller, Łódź":     {"jose", "muller", "lodz"},
		"Große Straße, Ærø":     {"grosse", "strasse", "aero"},
		"Nguyễn Đình Chiểu":     {"nguyen", "dinh", "chieu"},
		"İstanbul, ışık":        {"istanbul", "isik"},
		"ﬁn ＺＯＥ １２":             {"fin", "zoe", "12"},
		"Αθήνα → Πειραιάς (λιμ.)": {"αθηνα", "πειραιασ", "λιμ"},
		"ΠΕΙΡΑΙΑΣ":                {"πειραιασ"},
		"Йосиф Ёлкин":             {"иосиф", "елкин"},
		"김민준, हिन्दी, بَاب":       {"김민준", "हिन्दी", "بَاب"},
	} {
		if got := Words(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// What is stored once more, or typed as it is shown, is the same word.
func TestWords_OfWords(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N) {
			continue
		}
		for _, text := range []string{string(r), "a" + string(r) + "\u0301b"} {
			if words := Words(text); !slices.Equal(Words(words...), words) {
				t.Errorf("%U: %q has the words %q, and these %q", r, text, words, Words(words...))
			}
			others := []string{norm.NFC.String(text), norm.NFD.String(text)}
			if unicode.In(r, unicode.Latin, unicode.Cyrillic) {
				others = append(others, strings.ToUpper(text), strings.ToLower(text))
			}
			for _, other := range others {
				if got := Words(other); utf8.ValidString(text) && !slices.Equal(got, Words(text)) {
					t.Errorf("%U: %q has the words %q, and %q %q", r, text, Words(text), other, got)
				}
			}
		}
	}
}

func TestTerms(t *testing.T) {
	carl := mustParse(t, "+447700900123")
	words := Words("Caitlyn Carless", "Dam 1", "Schiphol")
	for typed, meets := range map[string]bool{
		"caitlyn": true, "CARLESS": true, "car": true, "arless": false,
		"carless dam": true, "carless amsterdam": false, "schip carless 1": true,
		"+44 7700 900123": true, "07700 900123": true, "0044 7700 900 123": true, "447700900123": true,
		"+44 (0)7700 900123": true, "7700900123": true, "900123": true, "0123": true, "123": false,
		"0005": false, "çaitlÿn": true, "schïphol": true,
		"carless 0123": true, "carless 0124": false, "+44 7700 900124": false, "07700 900124": false,
		"dam 1": true, "1": true, "2": false,
	} {
		got := true
		for _, term := range Terms(typed, "GB") {
			got = got && term.Meets(words, carl)
		}
		if got != meets {
			t.Errorf("%q: got %t, want %t; it reads %+v", typed, got, meets, Terms(typed, "GB"))
		}
	}
	if got := Terms("0005", "GB"); len(got) != 1 || !got[0].Meets(nil, mustParse(t, "+442079460005")) {
		t.Errorf("the last digits 0005 are read as %+v", got)
	}
	if terms := Terms(" ,.- ", "GB"); len(terms) != 0 {
		t.Errorf("no word is read as %+v", terms)
	}
}

func mustParse(t *testing.T, s string) Number {
	t.Helper()
	n, err := ParseNumber(s, "GB")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
