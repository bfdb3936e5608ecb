package masking

import (
	"strings"
	"testing"
)

func TestMeasure(t *testing.T) {
	tests := map[string]struct {
		text          string
		length, parts int
		gsm           bool
	}{
		"empty":                     {"", 0, 1, true},
		"plain":                     {"Here in 5 min", 13, 1, true},
		"a whole GSM part":          {strings.Repeat("a", 160), 160, 1, true},
		"one more":                  {strings.Repeat("a", 161), 161, 2, true},
		"the euro sign counts two":  {"€5", 3, 1, true},
		"a whole Unicode part":      {strings.Repeat("ж", 70), 70, 1, false},
		"one more Unicode":          {strings.Repeat("ж", 71), 71, 2, false},
		"an emoji counts two units": {"🚗", 2, 1, false},
		"no euro in two parts":      {strings.Repeat("€", 688), 1376, 10, true},
		"no emoji in two parts":     {strings.Repeat("🚗", 298), 596, 10, false},
		"emoji that fit":            {strings.Repeat("🚗", 297), 594, 9, false},
		"the longest GSM text":      {strings.Repeat("a", MaxSeptets), MaxSeptets, 9, true},
		"the longest Unicode text":  {strings.Repeat("ж", MaxUnits), MaxUnits, 9, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			length, parts, gsm := Measure(test.text)
			if length != test.length || parts != test.parts || gsm != test.gsm {
				t.Errorf("got %d, %d, %t; want %d, %d, %t", length, parts, gsm, test.length, test.parts, test.gsm)
			}
		})
	}
}
