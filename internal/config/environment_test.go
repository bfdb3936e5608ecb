package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func dotenv(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFromEnvironment(t *testing.T) {
	file := dotenv(t, "# a comment\nADDR=:1\nLINGER=1h\nMESSAGEBIRD_API_KEY=from_file\nADMIN_PASSWORD='pa$$ word'\n")
	getenv, err := FromEnvironment([]string{"ADDR=:2", "MESSAGEBIRD_API_KEY=", "WEBHOOK_TOKEN=a=b", "=C:=odd"}, file)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ADDR":                ":2", // the real environment wins,
		"MESSAGEBIRD_API_KEY": "",   // an empty value in it too
		"LINGER":              "1h",
		"ADMIN_PASSWORD":      "pa$$ word",
		"WEBHOOK_TOKEN":       "a=b",
		"DATABASE_URL":        "",
	} {
		if got := getenv(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// Some editors begin a file with a mark that says it is UTF-8.
func TestFromEnvironment_ByteOrderMark(t *testing.T) {
	getenv, err := FromEnvironment(nil, dotenv(t, "\uFEFFADDR=:1\r\nLINGER=1h\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if addr, linger := getenv("ADDR"), getenv("LINGER"); addr != ":1" || linger != "1h" {
		t.Errorf("got ADDR %q and LINGER %q, want :1 and 1h", addr, linger)
	}
}

func TestFromEnvironment_NoFile(t *testing.T) {
	getenv, err := FromEnvironment([]string{"ADDR=:2"}, filepath.Join(t.TempDir(), ".env"))
	if err != nil {
		t.Fatal(err)
	}
	if got := getenv("ADDR"); got != ":2" {
		t.Errorf("got %q, want :2", got)
	}
}

func TestFromEnvironment_BrokenFile(t *testing.T) {
	for name, content := range map[string]string{
		"a line without =": "ADDR=:1\nhunter2\n",
		"an open quote":    "ADMIN_PASSWORD=\"hunter2\nADDR=:1\n",
		"an odd name":      "ADMIN PASSWORD!=hunter2\n",
	} {
		_, err := FromEnvironment(nil, dotenv(t, content))
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if got := err.Error(); strings.Contains(got, "hunter2") || strings.Contains(got, "\n") || !strings.Contains(got, ".env") {
			t.Errorf("%s: got %q, want one line that names the file and shows no value", name, got)
		}
	}
	if _, err := FromEnvironment(nil, t.TempDir()); err == nil {
		t.Error("a folder was taken for a file")
	}
}
