package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documented is a variable as a document lists it.
type documented struct{ name, fallback string }

func inCode() (list []documented) {
	for _, v := range variables {
		list = append(list, documented{v.name, v.fallback})
	}
	return list
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocuments_EnvExample(t *testing.T) {
	var got []documented
	before := ""
	for line := range strings.Lines(read(t, "../../.env.example")) {
		line = strings.TrimSuffix(line, "\n")
		if name, value, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			got = append(got, documented{name, value})
			if !strings.HasPrefix(before, "# ") {
				t.Errorf("%s: no comment on the line above it", name)
			}
		}
		before = line
	}
	if want := inCode(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	getenv, err := FromEnvironment(nil, "../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(getenv); err != nil {
		t.Errorf("a copy of .env.example does not start: %v", err)
	}
}

var tableRow = regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| ([^|]+) \\| [^|]+ \\|$")

func TestDocuments_README(t *testing.T) {
	var got []documented
	for _, row := range tableRow.FindAllStringSubmatch(read(t, "../../README.md"), -1) {
		value, isCode := strings.CutPrefix(row[2], "`")
		if !isCode { // words: it has no default that could be typed
			value = ""
		}
		got = append(got, documented{row[1], strings.TrimSuffix(value, "`")})
	}
	if want := inCode(); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
