package main

import (
	"strings"
	"testing"
	"time"
)

func TestNeeds(t *testing.T) {
	a := assumptions{
		rides: 86_400, peak: 2, busy: 1, open: time.Hour, linger: 4 * time.Hour,
		textsIn: 3, parts: 1, calls: 0.5, reports: 1, call: time.Minute,
		perDriver: 20, shift: 10 * time.Hour, rest: 3,
		numberRate: 1, numberDay: 6000, accountRate: 10, load: 0.5,
		rideBytes: 1000, kept: 10, rideCPU: 1000, cores: 1,
	}
	got := a.needs()
	for _, want := range []string{
		"| messages out | two confirmations and each text, × 1 messages | 10/s |",
		"| webhooks | texts, calls and 1 reports for each message | 17/s |",
		"| live rides | open 1h, then lingering 4h, in the busiest hours | 18,000 |",
		"no two live ones on one number | 10 |", // 2 an hour, each connects for 5
		"within 3 days | 60 |",
		"0.5 of it used | 20 |",
		"all of it used | 72 |",
		"| **72** |",
		"20 old rides deleted | 34/s |",      // 3 × 2 for rides, 6 texts, 10 marks, 10 reports, 1 call, 1/20
		"old ones deleted all day | 131/s |", // 22 × 2 for rides, 2 × 6, 10 + 10 + 1, 2 × 17; 11 + 3 + 5 + 0.5
		"| 1 GB |",
		"| 2.0 cores |",
		"and one to spare | 5 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}

// What is not needed is 0, and not -0.
func TestNeeds_Nothing(t *testing.T) {
	a, err := read([]string{"-open", "0", "-linger", "0", "-texts", "0", "-calls", "0", "-rest", "0"})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.needs(); strings.Contains(got, "-0") || !strings.Contains(got, "| 0/s |") {
		t.Errorf("got\n%s", got)
	}
}

func TestRead(t *testing.T) {
	if a, err := read([]string{"-rides", "2e6", "-linger", "0s", "-kept", "1"}); err != nil || a.rides != 2e6 || a.linger != 0 || a.kept != 1 || a.peak != 3 {
		t.Errorf("got %+v, %v", a, err)
	}
	for arguments, want := range map[string]string{
		"-rides -5":          `invalid value "-5" for flag -rides: want 1 to 1e+09`,
		"-rides Inf":         `invalid value "Inf" for flag -rides: want 1 to 1e+09`,
		"-rides NaN":         `invalid value "NaN" for flag -rides: want 1 to 1e+09`,
		"-rides many":        `invalid value "many" for flag -rides: want 1 to 1e+09`,
		"-linger -1h":        `invalid value "-1h" for flag -linger: want 0s to 8760h0m0s`,
		"-linger 1":          `invalid value "1" for flag -linger: want 0s to 8760h0m0s`,
		"-peak -1":           `invalid value "-1" for flag -peak: want 1 to 100`,
		"-kept -5":           `invalid value "-5" for flag -kept: want 1 to 36500`,
		"-cores 0.001":       `invalid value "0.001" for flag -cores: want 0.1 to 1024`,
		"-account-rate 1e-9": `invalid value "1e-9" for flag -account-rate: want 0.1 to 1e+06`,
		"-wings 2":           `flag provided but not defined: -wings`,
		"-rides 5 rides":     `"rides" is no flag; -h lists them`,
	} {
		if _, err := read(strings.Fields(arguments)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", arguments, err, want)
		}
	}
}
