package masking

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	word := "123456 789" // ten septets, cut behind the space
	tests := map[string]struct {
		text string
		want []string
	}{
		"empty":           {"", []string{""}},
		"short":           {"On my way", []string{"On my way"}},
		"the longest GSM": {strings.Repeat("a", MaxSeptets), []string{strings.Repeat("a", MaxSeptets)}},
		"no space to cut": {strings.Repeat("a", MaxSeptets+1), []string{strings.Repeat("a", MaxSeptets), "a"}},
		"between words":   {strings.Repeat(word, 138), []string{strings.Repeat(word, 137) + "123456 ", "789"}},
		// The 153rd septet of each part stays empty: 76 fit, and not 76 and a half.
		"the euro is two":                {strings.Repeat("€", 685), []string{strings.Repeat("€", 684), "€"}},
		"the longest other":              {strings.Repeat("ж", MaxUnits), []string{strings.Repeat("ж", MaxUnits)}},
		"other, too long":                {strings.Repeat("ж", MaxUnits+1), []string{strings.Repeat("ж", MaxUnits), "ж"}},
		"emoji are two":                  {strings.Repeat("🚗", 298), []string{strings.Repeat("🚗", 297), "🚗"}},
		"one letter, and emoji that fit": {"ж" + strings.Repeat("🚗", 297), []string{"ж" + strings.Repeat("🚗", 297)}},
		"a space before what must be cut": {" " + strings.Repeat("a", MaxSeptets),
			[]string{" " + strings.Repeat("a", MaxSeptets-1), "a"}},
		"a space behind what fits": {strings.Repeat("a", MaxSeptets) + " ",
			[]string{strings.Repeat("a", MaxSeptets-1), "a "}},
		"spaces behind words": {strings.Repeat(word, 137) + strings.Repeat(" ", 8),
			[]string{strings.Repeat(word, 136) + "123456 ", "789" + strings.Repeat(" ", 8)}},
		"a blank longer than a message": {strings.Repeat(" ", MaxSeptets+1), []string{strings.Repeat(" ", MaxSeptets), " "}},
		"an accent stays with its letter": {strings.Repeat("ж", MaxUnits-1) + "e\u0301",
			[]string{strings.Repeat("ж", MaxUnits-1), "e\u0301"}},
		"a family stays together": {strings.Repeat("ж", MaxUnits-2) + "👩\u200d👧",
			[]string{strings.Repeat("ж", MaxUnits-2), "👩\u200d👧"}},
		"one emoji makes all of it Unicode": {strings.Repeat("a", 700) + "🚗",
			[]string{strings.Repeat("a", MaxUnits), strings.Repeat("a", 700-MaxUnits) + "🚗"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Split(test.text)
			if len(got) != len(test.want) {
				t.Fatalf("got %d pieces, want %d", len(got), len(test.want))
			}
			for i := range got {
				if got[i] != test.want[i] {
					t.Errorf("piece %d: got %q, want %q", i, got[i], test.want[i])
				}
			}
		})
	}
}

// Whatever the text, its pieces joined are the text, and the carrier takes each.
func TestSplit_AnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		runes := rapid.OneOf(rapid.SampledFrom([]rune("aé€ \n{ж🚗\u0301\u200d👩\U0001F3FD")), rapid.Rune())
		text := strings.Repeat(rapid.StringOf(runes).Draw(t, "text"), rapid.IntRange(1, 400).Draw(t, "times"))
		pieces := Split(text)
		if got := strings.Join(pieces, ""); got != text {
			t.Fatalf("joined, %d pieces are not the text", len(pieces))
		}
		for i, piece := range pieces {
			_, parts, gsm := Measure(piece)
			if parts > 9 || !utf8.ValidString(piece) || piece == "" && text != "" {
				t.Fatalf("piece %d takes %d parts (GSM: %v)", i, parts, gsm)
			}
		}
	})
}

// However words and spaces follow one another, no piece is a text of spaces.
func TestSplit_NoBlankPiece(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		for range rapid.IntRange(1, 12).Draw(t, "runs") {
			character := rapid.SampledFrom([]string{"a", "€", "🚗", " ", "\n"}).Draw(t, "character")
			text.WriteString(strings.Repeat(character, rapid.IntRange(1, 400).Draw(t, "times")))
		}
		if blank := regexp.MustCompile(`\s{500}`); blank.MatchString(text.String()) {
			t.Skip("white space fills a message")
		}
		pieces := Split(text.String())
		for i, piece := range pieces {
			if strings.TrimSpace(piece) == "" && strings.TrimSpace(text.String()) != "" {
				t.Fatalf("piece %d of %d is blank", i+1, len(pieces))
			}
		}
	})
}
