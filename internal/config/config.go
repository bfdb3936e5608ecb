// Package config owns what BirdCar takes from its environment: every variable,
// its default and what is wrong with a value. It knows no room but masking's words
// and opens nothing that it names.
package config

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // TIME_ZONE works on machines that have no zone files
	"unicode/utf8"
)

// Config is the whole configuration, read and checked.
type Config struct {
	Addr           string // host:port to listen on; port 0 takes a free one
	DatabaseURL    string // path of a SQLite file, or a postgres:// URL
	PublicURL      string // how MessageBird reaches us; no slash at the end
	APIKey         string // of MessageBird; empty: the simulator carries texts and calls
	SigningKey     string // verifies MessageBird's signatures; empty: only the token lets in
	APIURL         string // of MessageBird's messages; no slash at the end
	NumbersURL     string // of MessageBird's numbers; no slash at the end
	WebhookToken   string // secret in the webhooks' URLs; empty: made and kept by the store
	AdminPassword  string // empty: each start prints a one-time login link
	MetricsToken   string // lets its bearer read /metrics; empty: only the admin may
	DefaultCountry string // ISO 3166-1 alpha-2, upper case
	TimeZone       *time.Location
	Linger         time.Duration // 0: an ended ride is closed at once
	RideLimit      time.Duration // above 0
	Keep           time.Duration // 24h at least; 0: for ever
	OutboxWorkers  int           // 1 to 256
	OutboxGiveUp   time.Duration // above 0
	ShutdownGrace  time.Duration // above 0
}

// Simulated reports whether the simulator carries texts and calls.
func (c Config) Simulated() bool { return c.APIKey == "" }

// Advice is a line for each secret that works and yet can be guessed. None is in it.
func (c Config) Advice() []string {
	var lines []string
	for _, secret := range []struct {
		name, value string
		least       int
		example     string
	}{
		{"WEBHOOK_TOKEN", c.WebhookToken, 16, "leave it empty, and BirdCar makes one"},
		{"METRICS_TOKEN", c.MetricsToken, 16, "try the output of openssl rand -hex 16"},
		{"ADMIN_PASSWORD", c.AdminPassword, 8, "use several words"},
	} {
		if n := utf8.RuneCountInString(secret.value); n > 0 && n < secret.least {
			lines = append(lines, fmt.Sprintf("%s: shorter than %d characters, so it can be guessed; %s", secret.name, secret.least, secret.example))
		}
	}
	return lines
}

// Load reads and checks every variable. An empty value counts as none. The error
// has one line for each bad value: the variable, what is wrong and an example.
// Values that may hold a secret are not in it.
func Load(getenv func(string) string) (Config, error) {
	var c Config
	var problems []error
	for _, v := range variables {
		value := getenv(v.name)
		if value == "" {
			value = v.fallback
		}
		if problem := v.read(&c, value); problem != "" {
			problems = append(problems, fmt.Errorf("%s: %s", v.name, problem))
		}
	}
	if len(problems) > 0 {
		return Config{}, errors.Join(problems...)
	}
	return c, nil
}

// Database is a value as DATABASE_URL takes it, for whoever names a database elsewhere:
// the path of a SQLite file, or a postgres:// URL. The error shows nothing of the value.
func Database(value string) (url string, err error) {
	if problem := database(&url, value); problem != "" {
		return "", errors.New(problem)
	}
	return url, nil
}

// variable is one name in the environment. read puts a value into c, or says
// what is wrong with it.
type variable struct {
	name, fallback string
	read           func(c *Config, value string) (problem string)
}

// variables is everything that Load looks at, in the order of the README.
var variables = []variable{
	{"ADDR", "127.0.0.1:8080", func(c *Config, s string) string { return address(&c.Addr, s) }},
	{"DATABASE_URL", "birdcar.db", func(c *Config, s string) string { return database(&c.DatabaseURL, s) }},
	{"PUBLIC_URL", "http://localhost:8080", func(c *Config, s string) string {
		return webURL(&c.PublicURL, s, "https://birdcar.example.com")
	}},
	{"MESSAGEBIRD_API_KEY", "", func(c *Config, s string) string { return key(&c.APIKey, s) }},
	{"MESSAGEBIRD_SIGNING_KEY", "", func(c *Config, s string) string { return key(&c.SigningKey, s) }},
	{"MESSAGEBIRD_API_URL", "https://rest.messagebird.com", func(c *Config, s string) string {
		return webURL(&c.APIURL, s, "https://rest.messagebird.com")
	}},
	{"MESSAGEBIRD_NUMBERS_URL", "https://numbers.messagebird.com/v1", func(c *Config, s string) string {
		return webURL(&c.NumbersURL, s, "https://numbers.messagebird.com/v1")
	}},
	{"WEBHOOK_TOKEN", "", func(c *Config, s string) string { return key(&c.WebhookToken, s) }},
	{"ADMIN_PASSWORD", "", func(c *Config, s string) string { c.AdminPassword = s; return "" }},
	{"METRICS_TOKEN", "", func(c *Config, s string) string { return key(&c.MetricsToken, s) }},
	{"DEFAULT_COUNTRY", "NL", func(c *Config, s string) string { return country(&c.DefaultCountry, s) }},
	{"TIME_ZONE", "Europe/Amsterdam", func(c *Config, s string) string { return zone(&c.TimeZone, s) }},
	{"LINGER", "4h", func(c *Config, s string) string { return duration(&c.Linger, s, 0, "4h or 90m") }},
	{"RIDE_LIMIT", "24h", func(c *Config, s string) string { return duration(&c.RideLimit, s, 1, "24h or 36h") }},
	{"KEEP", "", func(c *Config, s string) string { return keep(&c.Keep, s) }},
	{"OUTBOX_WORKERS", "16", func(c *Config, s string) string { return count(&c.OutboxWorkers, s, 256, "16") }},
	{"OUTBOX_GIVE_UP", "24h", func(c *Config, s string) string { return duration(&c.OutboxGiveUp, s, 1, "24h or 90m") }},
	{"SHUTDOWN_GRACE", "10s", func(c *Config, s string) string { return duration(&c.ShutdownGrace, s, 1, "10s or 1m") }},
}
