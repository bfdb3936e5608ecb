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
		"| 1 GB |",
		"| 2.0 cores |",
		"and one to spare | 5 |",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
