package exchange

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"birdcar/internal/masking"
)

const (
	// MaxRoster is the largest file of people taken, in bytes.
	MaxRoster      = 16 << 20
	maxRosterLines = 200_000
	maxCell        = 200 // characters kept of one
)

// The words that a file may name its columns with, in lower case.
var (
	nameColumns   = []string{"name", "full name", "customer", "driver"}
	numberColumns = []string{"number", "phone", "phone number", "telephone", "tel", "mobile"}
)

// readRoster reads a CSV file: a name and a phone number on each line, separated
// by commas, semicolons or tabs, with or without a heading. masking.Invalid tells what
// is wrong with the field file.
func readRoster(r io.Reader) ([]masking.RosterLine, error) {
	in := bufio.NewReader(io.LimitReader(r, MaxRoster+1))
	start, _ := in.Peek(4096) // what is wrong shows when it is read
	switch {
	case bytes.HasPrefix(start, []byte("\xff\xfe")), bytes.HasPrefix(start, []byte("\xfe\xff")):
		return nil, badFile("This file is in UTF-16. Save it as CSV in UTF-8.")
	case bytes.HasPrefix(start, []byte("PK\x03\x04")):
		return nil, badFile("This is a spreadsheet. Save it as CSV in UTF-8 first.")
	case bytes.HasPrefix(start, []byte("\xef\xbb\xbf")):
		_, _ = in.Discard(3)
		start = start[3:]
	}
	counted := &counter{r: in}
	file := csv.NewReader(counted)
	file.Comma = separator(start)
	file.FieldsPerRecord = -1
	file.TrimLeadingSpace = true
	file.ReuseRecord = true

	var lines []masking.RosterLine
	name, number := 0, 1
	for first := true; ; first = false {
		cells, err := file.Read()
		switch {
		case counted.n > MaxRoster:
			return nil, badFile("This file is larger than 16 MB. Split it.")
		case errors.Is(err, io.EOF) && len(lines) == 0:
			return nil, badFile("This file holds nobody. Each line needs a name and a phone number.")
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			var wrong *csv.ParseError
			if errors.As(err, &wrong) { // read on, a cell could swallow the lines behind it
				return nil, badFile(fmt.Sprintf("Line %d cannot be read. A cell with a quotation mark stands in quotation marks, and those in it are doubled: \"Ben \"\"Benny\"\" Bell\".", wrong.StartLine))
			}
			return nil, err
		case first && isHeading(cells):
			name, number = columns(cells)
			continue
		case !slices.ContainsFunc(cells, func(cell string) bool { return strings.TrimSpace(cell) != "" }):
			continue
		case len(lines) == maxRosterLines:
			return nil, badFile("This file has more than 200,000 people. Split it.")
		}
		at, _ := file.FieldPos(0)
		lines = append(lines, masking.RosterLine{Line: at, Name: cell(cells, name), Number: cell(cells, number)})
	}
}

func badFile(problem string) error { return masking.Invalid{"file": problem} }

// counter counts what is read through it.
type counter struct {
	r io.Reader
	n int
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += n
	return n, err
}

// separator is what the first line has most of.
func separator(start []byte) rune {
	line, _, _ := bytes.Cut(start, []byte("\n"))
	best := ','
	for _, r := range ";\t" {
		if bytes.Count(line, []byte(string(r))) > bytes.Count(line, []byte(string(best))) {
			best = r
		}
	}
	return best
}

// isHeading reports whether a first line names columns: a phone number has digits.
func isHeading(cells []string) bool {
	named := 0
	for _, cell := range cells {
		if strings.ContainsFunc(cell, unicode.IsDigit) {
			return false
		} else if strings.TrimSpace(cell) != "" {
			named++
		}
	}
	return named >= 2
}

// columns are where a heading puts the name and the number; a heading in words
// that are not known counts for nothing.
func columns(heading []string) (name, number int) {
	find := func(words []string) int {
		return slices.IndexFunc(heading, func(cell string) bool {
			return slices.Contains(words, strings.ToLower(strings.TrimSpace(cell)))
		})
	}
	name, number = find(nameColumns), find(numberColumns)
	if name < 0 || number < 0 {
		return 0, 1
	}
	return name, number
}

func cell(cells []string, i int) string {
	if i >= len(cells) {
		return ""
	}
	text := masking.CleanLine(cells[i])
	if r := []rune(text); len(r) > maxCell {
		text = string(r[:maxCell])
	}
	return strings.Clone(text)
}
