package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// rooms says which rooms of the house each room may enter. Only cmd/birdcar, which
// wires them, may enter all but those that help tests.
var rooms = map[string][]string{
	"internal/masking":   {},
	"internal/store":     {"internal/masking", "migrations"},
	"internal/carrier":   {"internal/masking"},
	"internal/exchange":  {"internal/masking", "internal/store"},
	"internal/outbox":    {"internal/masking", "internal/store"},
	"internal/simulator": {"internal/carrier", "internal/masking", "web"},
	"internal/server":    {"internal/carrier", "internal/exchange", "internal/masking", "internal/store", "web"},
	"internal/config":    {"internal/masking"},
	"web":                {"internal/masking"},
	"migrations":         {},

	// They measure BirdCar from outside, and reckon what a day of it needs.
	"cmd/bench":    {"internal/masking", "internal/server", "internal/store", "migrations"},
	"cmd/capacity": {},

	"internal/store/storetest": {"internal/store"},
}

// modules says which rooms may use each module from outside, and database/sql.
// A module that is not listed may be used by tests only.
var modules = map[string][]string{
	"database/sql":                          {"internal/store", "internal/store/storetest", "cmd/bench"},
	"github.com/jackc/pgx/v5":               {"internal/store", "internal/store/storetest"},
	"github.com/mattn/go-sqlite3":           {"internal/store", "cmd/bench"},
	"github.com/pressly/goose/v3":           {"internal/store"},
	"github.com/alexedwards/scs/v2":         {"internal/store", "internal/server"},
	"github.com/cenkalti/backoff/v5":        {"internal/outbox"},
	"github.com/go-chi/chi/v5":              {"internal/server", "internal/simulator", "cmd/bench"},
	"github.com/go-chi/httprate":            {"internal/server"},
	"github.com/golang-jwt/jwt/v5":          {"internal/carrier"},
	"github.com/joho/godotenv":              {"internal/config"},
	"github.com/messagebird/go-rest-api/v9": {"internal/carrier"},
	"github.com/nyaruka/phonenumbers":       {"internal/masking"},
	"github.com/prometheus/client_golang":   {"internal/server"},
	"golang.org/x/sync":                     {"internal/outbox", "cmd/birdcar"},
	"golang.org/x/sys":                      {"cmd/bench"},
	"golang.org/x/text":                     {"internal/masking"},
}

// topLevel is all that stands in the repository's root, besides dot files and
// what .gitignore names.
var topLevel = []string{
	"LICENSE", "Makefile", "README.md", "cmd", "go.mod", "go.sum", "internal", "migrations", "web",
}

type goPackage struct {
	ImportPath string
	Doc        string
	Standard   bool
	Imports    []string
	Module     *struct{ Path string }
}

// goList is `go list` over the repository: every package it and its tests need.
func goList(t *testing.T, args ...string) (packages []goPackage) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Doc,Standard,Imports,Module"}, args...)...)
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatalf("go list: %v", err)
		}
		packages = append(packages, p)
	}
}

func TestRooms_Arrows(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range goList(t, "./...") {
		room, ours := strings.CutPrefix(p.ImportPath, "birdcar/")
		if !ours {
			t.Errorf("%s: not below cmd, internal, migrations or web", p.ImportPath)
			continue
		}
		seen[room] = true
		enters, known := rooms[room]
		if room != "cmd/birdcar" && !known {
			t.Errorf("%s: no such room in the plan", room)
		}
		if p.Doc == "" {
			t.Errorf("%s: no comment says what it owns", room)
		}
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, "birdcar/")
			wires := room == "cmd/birdcar" && !strings.HasSuffix(other, "test")
			if ours && !wires && !slices.Contains(enters, other) {
				t.Errorf("%s must not enter %s", room, other)
			}
		}
	}
	for room := range rooms {
		if !seen[room] {
			t.Errorf("%s: in the plan, but not in the house", room)
		}
	}
}

func TestRooms_Names(t *testing.T) {
	for _, p := range goList(t, "./...") {
		if slices.Contains([]string{"util", "utils", "common", "model", "models", "types", "mock", "mocks"}, path.Base(p.ImportPath)) {
			t.Errorf("%s: the name does not say what it owns", p.ImportPath)
		}
	}
}

func TestRooms_Modules(t *testing.T) {
	for _, p := range goList(t, "./...") {
		room := strings.TrimPrefix(p.ImportPath, "birdcar/")
		for _, imported := range p.Imports {
			module := moduleOf(imported)
			if module == "" {
				continue
			}
			if users, known := modules[module]; !known {
				t.Errorf("%s uses %s, which is not in the plan", room, imported)
			} else if !slices.Contains(users, room) {
				t.Errorf("%s must not use %s: that belongs to %s", room, imported, strings.Join(users, " and "))
			}
		}
	}
}

// moduleOf is the listed module that holds the package, or the package itself
// when it is from outside and not listed, or nothing for the rest of the standard
// library and for our own.
func moduleOf(imported string) string {
	for module := range modules {
		if imported == module || strings.HasPrefix(imported, module+"/") && strings.Contains(module, ".") {
			return module
		}
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return imported
	}
	return ""
}

// The SDK's voice and partner_accounts replace its global error reader when they
// are only imported, and its signature_jwt takes an empty key. Tests count too.
func TestRooms_SDK(t *testing.T) {
	const sdk = "github.com/messagebird/go-rest-api/v9"
	uses := false
	for _, p := range goList(t, "-deps", "-test", "./...") {
		uses = uses || p.ImportPath == sdk
		for _, banned := range []string{"/voice", "/partner_accounts", "/signature", "/signature_jwt"} {
			if p.ImportPath == sdk+banned {
				t.Errorf("something imports %s", p.ImportPath)
			}
		}
	}
	if !uses {
		t.Errorf("nothing imports %s: this test looks for the wrong path", sdk)
	}
}

func TestRooms_TopLevel(t *testing.T) {
	ignored, err := os.ReadFile("../../.gitignore")
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if strings.HasPrefix(name, ".") || slices.Contains(topLevel, name) || matchesAny(name, strings.Fields(string(ignored))) {
			continue
		}
		t.Errorf("%s does not belong into the root", name)
	}
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(strings.Trim(pattern, "/"), name)
		return err == nil && ok
	})
}
