// Package web owns what browsers get: the templates, the style sheet and the
// scripts, embedded in the binary. It knows nothing of where a page's data comes from.
package web

import "embed"

// FS holds templates/ and static/.
//
//go:embed templates static
var FS embed.FS
