package simulator

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFile_KeepsTextsBetweenStarts(t *testing.T) {
	w := newWorld(t)
	w.cfg.File = filepath.Join(t.TempDir(), "texts.jsonl")
	first := w.simulator(t)
	id, err := client(t, first, apiKey).Send(t.Context(), outgoing("ref-1", "hello"))
	if err != nil {
		t.Fatal(err)
	}
	first.settle(id, ben.Number.Digits(), delivered, "")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	second := w.simulator(t)
	if found, err := client(t, second, apiKey).Find(t.Context(), outgoing("ref-1", "")); err != nil || found != id {
		t.Errorf("find by reference: got %q, %v; want %q", found, err, id)
	}
	if m, _ := second.message(id); m.Recipients[0].Status != delivered {
		t.Errorf("got status %q, want %q", m.Recipients[0].Status, delivered)
	}
	if _, total := second.list(filter{}, 0, 1); total != 1 {
		t.Errorf("got %d texts, want 1", total)
	}
}

func TestFile_DropsALineThatACrashTore(t *testing.T) {
	w := newWorld(t)
	w.cfg.File = filepath.Join(t.TempDir(), "texts.jsonl")
	first := w.simulator(t)
	textFrom(t, first, ada.Number, proxy, "whole")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(w.cfg.File)
	if err != nil {
		t.Fatal(err)
	}
	damaged := string(whole) + "\x00\x00 not JSON\n" + string(whole)[:len(whole)/2]
	if err := os.WriteFile(w.cfg.File, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}

	second := w.simulator(t)
	textFrom(t, second, ada.Number, proxy, "after the crash")
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	third := w.simulator(t)
	texts, total := third.list(filter{}, 0, 10)
	if total != 2 || texts[0].Body != "after the crash" || texts[1].Body != "whole" {
		t.Errorf("got %d texts: %+v", total, texts)
	}
}

func TestFile_KeepsTheNewest(t *testing.T) {
	w := newWorld(t)
	w.cfg.File = filepath.Join(t.TempDir(), "texts.jsonl")
	var lines strings.Builder
	for i := range maxKept + 5 {
		fmt.Fprintf(&lines, `{"id":"id%d","direction":"mt","originator":"1","recipients":[{"number":"2","status":"delivered"}]}`+"\n", i)
	}
	if err := os.WriteFile(w.cfg.File, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := w.simulator(t)
	textFrom(t, s, ada.Number, proxy, "one more")

	if _, total := s.list(filter{}, 0, 1); total != maxKept {
		t.Errorf("got %d texts, want %d", total, maxKept)
	}
	for id, want := range map[string]bool{"id5": false, "id6": true} {
		if _, got := s.message(id); got != want {
			t.Errorf("%s: kept %t, want %t", id, got, want)
		}
	}
	written, err := os.ReadFile(w.cfg.File)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(written), "\n"); got != maxKept+1 {
		t.Errorf("the file has %d lines, want %d", got, maxKept+1)
	}
}

func TestFile_AFailedWriteIsNoText(t *testing.T) {
	w := newWorld(t)
	w.cfg.File = filepath.Join(t.TempDir(), "texts.jsonl")
	s := w.simulator(t)
	if err := s.journal.file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := client(t, s, apiKey).Send(t.Context(), outgoing("r", "hello")); err == nil {
		t.Error("the text was taken, though the file cannot be written")
	}
	if _, total := s.list(filter{}, 0, 1); total != 0 {
		t.Errorf("got %d texts, want none", total)
	}
	s.journal.file = nil // closed already
}
