package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What is there of a run that broke off is shown, says so, and has no zeros for the rest.
func TestReport_Incomplete(t *testing.T) {
	r := report{Incomplete: "SQLite: no\nanswer", Machine: machine{Cores: 2, DiskWrites: 1000, Binary: 1 << 25}, Figures: []figures{{
		Engine: "SQLite", Rides: 1000, Started: 50, Calls: result{Rate: 20_000, CPU: 70}, Empty: result{Rate: 40_000, CPU: 30},
	}, {Engine: "SQLite", Rides: 100_000}}}
	table := r.table()
	for _, want := range []string{
		"**Incomplete**: SQLite: no answer.\n",
		"| call flow | SQLite | 1,000 | 20,000/s, 70 µs of processor each | empty handler 40,000/s, 30 µs of processor each | 0.50 |\n",
		"| start, exec to the first answer | SQLite | 1,000 | 50 ms |  |  |\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
	if rows := strings.Count(table, "SQLite |"); rows != 2 {
		t.Errorf("%d rows, want the 2 that were measured:\n%s", rows, table)
	}
	if json := string(r.json()); !strings.Contains(json, `"incomplete": "SQLite: no\nanswer"`) || strings.Contains(json, ": 0") || strings.Contains(json, "texts") {
		t.Errorf("got %s", json)
	}
	if picture := string(r.picture()); !strings.Contains(picture, "; incomplete") || strings.Count(picture, `class="rate"`) != 1 {
		t.Errorf("got %s", picture)
	}
	r.Incomplete = ""
	if strings.Contains(r.table()+string(r.json())+string(r.picture()), "ncomplete") {
		t.Error("a whole run is called incomplete")
	}
}

// What a run needs at its end is looked for at its beginning.
func TestRun_LooksFirst(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, b := range map[string]*bench{
		"-birdcar: ":  {birdcar: filepath.Join(dir, "none")},
		"-out: ":      {birdcar: program, out: filepath.Join(file, "below")},
		"-postgres: ": {birdcar: program, postgres: "postgres://127.0.0.1:1/nowhere"},
	} {
		b.dir, b.duration = filepath.Join(dir, "databases"), time.Second
		r, err := b.run(t.Context())
		if err == nil || !strings.HasPrefix(err.Error(), want) || r.Machine != (machine{}) {
			t.Errorf("got %+v, %v; want %s before anything is measured", r, err, want)
		}
	}
	b := &bench{birdcar: program, out: filepath.Join(dir, "new")}
	if _, err := b.engines(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(b.out); err != nil || len(left) > 0 {
		t.Errorf("the folder has %v, %v; want it made, and empty", left, err)
	}
}
