package main

import (
	"cmp"
	"runtime/debug"
)

// version is which BirdCar this is, as far as the build recorded it: the module's
// version, and the commit with its time.
func version(info *debug.BuildInfo) string {
	v := "birdcar " + cmp.Or(info.Main.Version, "(devel)")
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["vcs.revision"] != "" {
		v += ", commit " + settings["vcs.revision"] + " of " + settings["vcs.time"]
	}
	if settings["vcs.modified"] == "true" {
		v += " with changes"
	}
	return v + ", " + info.GoVersion
}
