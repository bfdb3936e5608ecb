// Package migrations holds the SQL that builds the database, one folder for each
// engine with the same file names, for internal/store to run. Version 10 is written in Go, there.
package migrations

import "embed"

// FS holds the folders sqlite and postgres.
//
//go:embed sqlite postgres
var FS embed.FS
