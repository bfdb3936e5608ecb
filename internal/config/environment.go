package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/joho/godotenv"
)

// FromEnvironment is a getenv over environ (as os.Environ gives it) and, for
// names that are not in it, the file dotenv. A missing file is an empty one, and a mark
// that it is UTF-8 is no part of it; the error about a broken one shows nothing of what it holds.
func FromEnvironment(environ []string, dotenv string) (func(string) string, error) {
	content, err := os.ReadFile(dotenv)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	values, err := godotenv.UnmarshalBytes(bytes.TrimPrefix(content, []byte("\uFEFF")))
	if err != nil { // the parser's own errors quote the file
		return nil, fmt.Errorf("%s: a line is not NAME=value, or a quote is not closed; compare it with .env.example", dotenv)
	}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	return func(name string) string { return values[name] }, nil
}
