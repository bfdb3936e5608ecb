package main

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.8", Main: debug.Module{Path: "birdcar", Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "95d9d73"}, {Key: "vcs.time", Value: "2026-11-22T13:00:00Z"}, {Key: "vcs.modified", Value: "true"},
	}}
	if got, want := version(info), "birdcar v1.2.3, commit 95d9d73 of 2026-11-22T13:00:00Z with changes, go1.26.8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := version(&debug.BuildInfo{GoVersion: "go1.26.8"}); got != "birdcar (devel), go1.26.8" {
		t.Errorf("of a build that recorded nothing: got %s", got)
	}
	for _, word := range []string{"version", "--version"} {
		if out, err := runCommand(word, nil); err != nil || !strings.HasPrefix(out, "birdcar ") || strings.Count(out, "\n") != 1 {
			t.Errorf("%s: got %q, %v", word, out, err)
		}
	}
}
