package exchange

import (
	"errors"
	"strings"
	"testing"

	"birdcar/internal/masking"
)

func TestReadRoster(t *testing.T) {
	ada, ben := masking.RosterLine{Name: "Ada", Number: "+44 7700 900123"}, masking.RosterLine{Name: "Ben", Number: "07700 900456"}
	for name, test := range map[string]struct {
		file  string
		lines [2]int
	}{
		"plain":                    {"Ada,+44 7700 900123\nBen,07700 900456\n", [2]int{1, 2}},
		"no line break at the end": {"Ada,+44 7700 900123\nBen,07700 900456", [2]int{1, 2}},
		"a heading":                {"Name,Number\nAda,+44 7700 900123\nBen,07700 900456\n", [2]int{2, 3}},
		"a heading in any words":   {"Naam,Telefoon\nAda,+44 7700 900123\nBen,07700 900456\n", [2]int{2, 3}},
		"the other way round":      {"phone number;name\n+44 7700 900123;Ada\n07700 900456;Ben\n", [2]int{2, 3}},
		"more columns":             {"id,Name,City,Mobile\n1,Ada,London,+44 7700 900123\n2,Ben,Hull,07700 900456\n", [2]int{2, 3}},
		"semicolons":               {"Ada;+44 7700 900123\nBen;07700 900456\n", [2]int{1, 2}},
		"tabs":                     {"Ada\t+44 7700 900123\nBen\t07700 900456\n", [2]int{1, 2}},
		"a byte order mark":        {"\ufeffAda,+44 7700 900123\nBen,07700 900456\n", [2]int{1, 2}},
		"line breaks of Windows":   {"Ada,+44 7700 900123\r\nBen,07700 900456\r\n", [2]int{1, 2}},
		"empty lines":              {"\n,\nAda,+44 7700 900123\n\nBen,07700 900456\n\n", [2]int{3, 5}},
		"quotes":                   {"\"Ada\",\"+44 7700 900123\"\n\"Ben\", \"07700 900456\"\n", [2]int{1, 2}},
		"NUL and spaces":           {"  Ada\x00 , +44 7700 900123\nBen\t,07700 900456\n", [2]int{1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			ada.Line, ben.Line = test.lines[0], test.lines[1]
			got, err := readRoster(strings.NewReader(test.file))
			if err != nil || len(got) != 2 || got[0] != ada || got[1] != ben {
				t.Errorf("got %+v, %v; want %+v and %+v", got, err, ada, ben)
			}
		})
	}
}

func TestReadRoster_Odd(t *testing.T) {
	got, err := readRoster(strings.NewReader("Ada\n\"Bell, \"\"Ben\"\"\nof Bath\",07700 900456\n" + strings.Repeat("é", 300) + ",1\n"))
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if got[0].Number != "" {
		t.Errorf("a line without a number has %q", got[0].Number)
	}
	if got[1].Name != `Bell, "Ben" of Bath` || got[1].Line != 2 || got[2].Line != 4 {
		t.Errorf("a name over two lines became %+v, and the next is line %d", got[1], got[2].Line)
	}
	if got[2].Name != strings.Repeat("é", maxCell) {
		t.Error("a long cell was not cut to whole characters")
	}
}

func TestReadRoster_Refused(t *testing.T) {
	for name, file := range map[string]string{
		"empty":         "",
		"a heading":     "Name,Number\n",
		"blank":         "\n\n , \n",
		"a spreadsheet": "PK\x03\x04 and so on",
		"UTF-16":        "\xff\xfeA\x00d\x00a\x00",
		"too large":     strings.Repeat(strings.Repeat("x", 1<<20)+",1\n", 17),
		"too many":      strings.Repeat("A,1\n", maxRosterLines+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readRoster(strings.NewReader(file))
			var bad masking.Invalid
			if !errors.As(err, &bad) || bad["file"] == "" {
				t.Errorf("got %v, want a problem with the file", err)
			}
		})
	}
}

// A quotation mark that is not closed where its cell ends would take the people behind it along.
func TestReadRoster_QuotationMarks(t *testing.T) {
	for name, file := range map[string]string{
		"in a column that is not read": "Name,Number,Note\nAda,+44 7700 900123,\nBen,07700 900456,\"VIP\" since 2020\nCy,07700 900457,\n",
		"in a name":                    "Name,Number\nAda,+44 7700 900123\n\"Ben\" Bell,07700 900456\nCy,07700 900457\n",
		"within a name":                "Name,Number\nAda,+44 7700 900123\nBen \"Benny\" Bell,07700 900456\nCy,07700 900457\n",
		"never closed":                 "Name,Number\nAda,+44 7700 900123\n\"Ben Bell,07700 900456\nCy,07700 900457\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readRoster(strings.NewReader(file))
			var bad masking.Invalid
			if !errors.As(err, &bad) || !strings.HasPrefix(bad["file"], "Line 3 cannot be read. ") {
				t.Errorf("got %v, want that line 3 cannot be read", err)
			}
		})
	}
}

func FuzzReadRoster(f *testing.F) {
	f.Add("Name,Number\nAda,+44 7700 900123\n")
	f.Add("\ufeff\"a;b\";1\n;;;\n\x00")
	f.Fuzz(func(t *testing.T, file string) {
		lines, err := readRoster(strings.NewReader(file))
		if err != nil {
			return
		}
		for i, l := range lines {
			if i > 0 && l.Line <= lines[i-1].Line {
				t.Errorf("line %d comes after line %d", l.Line, lines[i-1].Line)
			}
			if l.Name != masking.CleanLine(l.Name) || len([]rune(l.Number)) > maxCell {
				t.Errorf("%+v was not cleaned", l)
			}
		}
	})
}
