package masking

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for text, want := range map[string][]string{
		"":                      nil,
		"Caitlyn Carless":       {"caitlyn", "carless"},
		"  Dam 1,  dam-square ": {"dam", "1", "square"},
		"ZOË O'Neill":           {"zoë", "o", "neill"},
		"Αθήνα → Πειραιάς (λιμ.)": {"αθήνα", "πειραιάς", "λιμ"},
	} {
		if got := Words(text); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
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
		"0005":         false,
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
