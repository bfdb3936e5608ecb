package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func getenv(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestLoad_Defaults(t *testing.T) {
	got, err := Load(getenv(nil))
	if err != nil {
		t.Fatal(err)
	}
	amsterdam, err := time.LoadLocation("Europe/Amsterdam")
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Addr:           "127.0.0.1:8080",
		DatabaseURL:    "birdcar.db",
		PublicURL:      "http://localhost:8080",
		APIURL:         "https://rest.messagebird.com",
		NumbersURL:     "https://numbers.messagebird.com/v1",
		DefaultCountry: "NL",
		TimeZone:       amsterdam,
		Linger:         4 * time.Hour,
		RideLimit:      24 * time.Hour,
		OutboxWorkers:  16,
		OutboxGiveUp:   24 * time.Hour,
		ShutdownGrace:  10 * time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if !got.Simulated() {
		t.Error("without a key the simulator should carry texts")
	}
}

func TestLoad_EveryVariable(t *testing.T) {
	got, err := Load(getenv(map[string]string{
		"ADDR":                    ":0",
		"DATABASE_URL":            "postgres://bird:secret@db1,db2/birdcar?target_session_attrs=read-write",
		"PUBLIC_URL":              " https://birdcar.example.com/ ",
		"MESSAGEBIRD_API_KEY":     "live_abc\n",
		"MESSAGEBIRD_SIGNING_KEY": "sign",
		"MESSAGEBIRD_API_URL":     "http://127.0.0.1:9/simulator/messagebird/",
		"MESSAGEBIRD_NUMBERS_URL": "http://127.0.0.1:9/v1",
		"WEBHOOK_TOKEN":           "token",
		"ADMIN_PASSWORD":          " two words ",
		"METRICS_TOKEN":           "measure",
		"DEFAULT_COUNTRY":         "gb",
		"TIME_ZONE":               "UTC",
		"LINGER":                  "0",
		"RIDE_LIMIT":              "90m",
		"KEEP":                    "720h",
		"OUTBOX_WORKERS":          "1",
		"OUTBOX_GIVE_UP":          "1h",
		"SHUTDOWN_GRACE":          "1s",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Addr:           ":0",
		DatabaseURL:    "postgres://bird:secret@db1,db2/birdcar?target_session_attrs=read-write",
		PublicURL:      "https://birdcar.example.com",
		APIKey:         "live_abc",
		SigningKey:     "sign",
		APIURL:         "http://127.0.0.1:9/simulator/messagebird",
		NumbersURL:     "http://127.0.0.1:9/v1",
		WebhookToken:   "token",
		MetricsToken:   "measure",
		AdminPassword:  " two words ", // a password is what was set, spaces too
		DefaultCountry: "GB",
		TimeZone:       time.UTC,
		Linger:         0,
		RideLimit:      90 * time.Minute,
		Keep:           720 * time.Hour,
		OutboxWorkers:  1,
		OutboxGiveUp:   time.Hour,
		ShutdownGrace:  time.Second,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.Simulated() {
		t.Error("with a key MessageBird should carry texts")
	}
}

func TestLoad_DatabaseURL(t *testing.T) {
	for value, want := range map[string]string{
		"rides.db":                    "rides.db",
		"/var/lib/birdcar/birdcar.db": "/var/lib/birdcar/birdcar.db",
		"file:rides.db":               "rides.db",
		"file:///var/rides.db":        "/var/rides.db",
		"sqlite:rides.db":             "rides.db",
		"sqlite:///var/rides.db":      "/var/rides.db",
		"postgresql://db/birdcar":     "postgresql://db/birdcar",
		"postgres.db":                 "postgres.db",
		"/data/user=1/rides.db":       "/data/user=1/rides.db",
	} {
		got, err := Load(getenv(map[string]string{"DATABASE_URL": value}))
		if err != nil || got.DatabaseURL != want {
			t.Errorf("%s: got %q, %v; want %q", value, got.DatabaseURL, err, want)
		}
	}
}

func TestLoad_BadValues(t *testing.T) {
	tests := []struct{ name, value, want string }{
		{"ADDR", "8080", `ADDR: "8080" is not an address with a port; try 127.0.0.1:8080 or :8080`},
		{"ADDR", "localhost:http", `ADDR: "localhost:http" has no port between 0 and 65535; try 127.0.0.1:8080 or :8080`},
		{"ADDR", ":65536", `ADDR: ":65536" has no port between 0 and 65535; try 127.0.0.1:8080 or :8080`},
		{"DATABASE_URL", "mysql://root:hunter2@localhost/birdcar", `DATABASE_URL: is neither a file nor a postgres:// URL; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", "postgres:birdcar", `DATABASE_URL: is for PostgreSQL but not written as a postgres:// URL; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", "POSTGRESQL:hunter2@db/birdcar", `DATABASE_URL: is for PostgreSQL but not written as a postgres:// URL; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", "host=127.0.0.1 dbname=birdcar password=hunter2", `DATABASE_URL: is for PostgreSQL but not written as a postgres:// URL; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", " dbname = birdcar", `DATABASE_URL: is for PostgreSQL but not written as a postgres:// URL; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", ":memory:", `DATABASE_URL: keeps nothing in :memory:, so name a file; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", "file:a.db?mode=ro", `DATABASE_URL: is more than the path of a file: BirdCar sets SQLite's options itself; try birdcar.db or postgres://user@localhost/birdcar`},
		{"DATABASE_URL", "sqlite:", `DATABASE_URL: names no file; try birdcar.db or postgres://user@localhost/birdcar`},
		{"PUBLIC_URL", "birdcar.example.com", `PUBLIC_URL: "birdcar.example.com" is not an http:// or https:// URL; try https://birdcar.example.com`},
		{"PUBLIC_URL", "https://", `PUBLIC_URL: "https:" is not an http:// or https:// URL; try https://birdcar.example.com`},
		{"PUBLIC_URL", "https://x.example.com/?a=b", `PUBLIC_URL: "https://x.example.com/?a=b" must end with its host or path, without ? or #; try https://birdcar.example.com`},
		{"PUBLIC_URL", "https://me:hunter2@x.example.com", `PUBLIC_URL: the value must not hold a user or a password; try https://birdcar.example.com`},
		{"MESSAGEBIRD_API_KEY", "live hunter2", `MESSAGEBIRD_API_KEY: holds a space or a line break; copy it again, in one piece like q8Zr2VxT`},
		{"MESSAGEBIRD_SIGNING_KEY", "hunter2\nx", `MESSAGEBIRD_SIGNING_KEY: holds a space or a line break; copy it again, in one piece like q8Zr2VxT`},
		{"MESSAGEBIRD_API_URL", "ftp://rest", `MESSAGEBIRD_API_URL: "ftp://rest" is not an http:// or https:// URL; try https://rest.messagebird.com`},
		{"MESSAGEBIRD_NUMBERS_URL", "http://[::1", `MESSAGEBIRD_NUMBERS_URL: "http://[::1" is not an http:// or https:// URL; try https://numbers.messagebird.com/v1`},
		{"WEBHOOK_TOKEN", "hunter2 hunter3", `WEBHOOK_TOKEN: holds a space or a line break; copy it again, in one piece like q8Zr2VxT`},
		{"DEFAULT_COUNTRY", "Holland", `DEFAULT_COUNTRY: "Holland" is not a country's two-letter code; try NL or GB`},
		{"DEFAULT_COUNTRY", "001", `DEFAULT_COUNTRY: "001" is not a country's two-letter code; try NL or GB`},
		{"TIME_ZONE", "Amsterdam", `TIME_ZONE: "Amsterdam" is not a time zone; try Europe/Amsterdam or UTC`},
		{"LINGER", "4 hours", `LINGER: "4 hours" is not a duration; try 4h or 90m`},
		{"LINGER", "4\nhours", `LINGER: "4\nhours" is not a duration; try 4h or 90m`},
		{"LINGER", "-1h", `LINGER: "-1h" is below zero; try 4h or 90m`},
		{"RIDE_LIMIT", "0s", `RIDE_LIMIT: "0s" is not above zero; try 24h or 36h`},
		{"RIDE_LIMIT", "24", `RIDE_LIMIT: "24" is not a duration; try 24h or 36h`},
		{"KEEP", "0", `KEEP: "0" is not above zero; try 720h, which is 30 days, or leave it empty to keep all`},
		{"KEEP", "23h59m", `KEEP: "23h59m" is less than 24h; try 720h, which is 30 days, or leave it empty to keep all`},
		{"KEEP", "30 days", `KEEP: "30 days" is not a duration; try 720h, which is 30 days, or leave it empty to keep all`},
		{"OUTBOX_WORKERS", "0", `OUTBOX_WORKERS: "0" is not a whole number from 1 to 256; try 16`},
		{"OUTBOX_WORKERS", "many", `OUTBOX_WORKERS: "many" is not a whole number from 1 to 256; try 16`},
		{"OUTBOX_GIVE_UP", strings.Repeat("9", 99), `OUTBOX_GIVE_UP: "` + strings.Repeat("9", 60) + `…" is not a duration; try 24h or 90m`},
		{"SHUTDOWN_GRACE", "soon", `SHUTDOWN_GRACE: "soon" is not a duration; try 10s or 1m`},
	}
	for _, test := range tests {
		_, err := Load(getenv(map[string]string{test.name: test.value}))
		if err == nil {
			t.Errorf("%s=%s: taken", test.name, test.value)
			continue
		}
		if got := err.Error(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestLoad_SeveralBadValues(t *testing.T) {
	_, err := Load(getenv(map[string]string{"LINGER": "x", "ADDR": "y", "MESSAGEBIRD_API_KEY": "hunter2 hunter2"}))
	if err == nil {
		t.Fatal("taken")
	}
	var names []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	if got, want := strings.Join(names, " "), "ADDR MESSAGEBIRD_API_KEY LINGER"; got != want {
		t.Errorf("lines about %q, want %q", got, want)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the key is shown: %v", err)
	}
}

func TestConfig_Advice(t *testing.T) {
	for name, test := range map[string]struct {
		c    Config
		want string // what the one line begins with; empty: there is none
	}{
		"nothing set":      {Config{}, ""},
		"all good":         {Config{WebhookToken: "0123456789abcdef", MetricsToken: "0123456789abcdef", AdminPassword: "four words"}, ""},
		"a short token":    {Config{WebhookToken: "0123456789abcde"}, "WEBHOOK_TOKEN: shorter than 16 characters"},
		"a metrics token":  {Config{MetricsToken: "a"}, "METRICS_TOKEN: shorter than 16 characters"},
		"a short password": {Config{AdminPassword: "höhöhö7"}, "ADMIN_PASSWORD: shorter than 8 characters"},
	} {
		lines := test.c.Advice()
		if len(lines) > 1 || (len(lines) == 1) != (test.want != "") || len(lines) == 1 && !strings.HasPrefix(lines[0], test.want) {
			t.Errorf("%s: got %q, want %q", name, lines, test.want)
		}
		for _, secret := range []string{test.c.AdminPassword, test.c.WebhookToken} {
			if secret != "" && strings.Contains(strings.Join(lines, ""), secret) {
				t.Errorf("%s: %q shows the secret", name, lines)
			}
		}
	}
}
