package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/joho/godotenv"
)

// FromEnvironment is a getenv over environ (as os.Environ gives it) and, for
// names that are not in it, the file dotenv. A missing file is an empty one; the
// error about a broken one shows nothing of what it holds.
func FromEnvironment(environ []string, dotenv string) (func(string) string, error) {
	values, err := godotenv.Read(dotenv)
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		values = map[string]string{}
	case errors.As(err, &path):
		return nil, err
	case err != nil: // the parser's own errors quote the file
		return nil, fmt.Errorf("%s: a line is not NAME=value, or a quote is not closed; compare it with .env.example", dotenv)
	}
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	return func(name string) string { return values[name] }, nil
}
