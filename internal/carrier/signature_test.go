package carrier

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(t time.Time) func() time.Time { return func() time.Time { return t } }

// The SDK's published vectors, each with the verdict it states.
func TestVerifier_SDKVectors(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/messagebird/go-rest-api/v9").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "signature_jwt", "testdata", "reference.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name, Secret, URL, Payload, Token, Reason string
		Timestamp                                 time.Time
		Valid                                     bool
	}
	if err := json.Unmarshal(file, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) != 43 {
		t.Fatalf("got %d cases, want the 43 of v9.1.1", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			if c.Secret == "" { // the case without an algorithm
				c.Secret = "any"
			}
			v, err := NewVerifier(c.Secret, at(c.Timestamp))
			if err != nil {
				t.Fatal(err)
			}
			got, err := v.Verify(c.Token, c.URL, []byte(c.Payload))
			if (err == nil) != c.Valid {
				t.Fatalf("got error %v, want valid %v (%s)", err, c.Valid, c.Reason)
			}
			if c.Valid && (got.ID == "" || !got.Expires.After(c.Timestamp)) {
				t.Errorf("got %+v, want an id and a time to come", got)
			}
		})
	}
}

func TestVerifier_Sign(t *testing.T) {
	const key, url = "a signing key", "https://birdcar.example/webhook?token=x&a%5Bb%5D=c"
	body := []byte("payload=hello")
	token, err := Sign(key, url, body, noon)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(key, token, url string, body []byte, now time.Time) (Signature, error) {
		v, err := NewVerifier(key, at(now))
		if err != nil {
			t.Fatal(err)
		}
		return v.Verify(token, url, body)
	}
	got, err := verify(key, token, url, body, noon.Add(time.Second))
	if err != nil || got.ID == "" || !got.Expires.Equal(noon.Add(time.Minute+2*maxSkew)) {
		t.Fatalf("got %+v, %v, want an id and one minute", got, err)
	}
	again, err := Sign(key, url, body, noon)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := verify(key, again, url, body, noon); err != nil || other.ID == got.ID {
		t.Errorf("got %+v, %v for a second signature, want another id than %s", other, err, got.ID)
	}
	for name, err := range map[string]error{
		"another key":     errOf(verify("another key", token, url, body, noon)),
		"another url":     errOf(verify(key, token, url+"&", body, noon)),
		"another body":    errOf(verify(key, token, url, []byte("payload=hallo"), noon)),
		"no body":         errOf(verify(key, token, url, nil, noon)),
		"too early":       errOf(verify(key, token, url, body, noon.Add(-2*time.Second))),
		"too late":        errOf(verify(key, token, url, body, noon.Add(62*time.Second))),
		"no token":        errOf(verify(key, "", url, body, noon)),
		"an endless one":  errOf(verify(key, strings.Repeat("e30.", 1<<20), url, body, noon)),
		"half of a token": errOf(verify(key, token[:len(token)/2], url, body, noon)),
	} {
		if err == nil {
			t.Errorf("%s: got no error", name)
		} else if strings.Contains(err.Error(), token) || strings.Contains(err.Error(), key) {
			t.Errorf("%s: the error %q holds the token or the key", name, err)
		}
	}
}

func errOf(_ Signature, err error) error { return err }

// Tokens that MessageBird's key signs but MessageBird would not make.
func TestVerifier_Claims(t *testing.T) {
	const key, url = "a signing key", "https://birdcar.example/webhook-voice"
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"iss": issuer, "nbf": noon.Unix(), "exp": noon.Unix() + 60, "jti": "1", "url_hash": hash([]byte(url))}
	}
	cases := []struct {
		name   string
		change func(jwt.MapClaims)
		valid  bool
	}{
		{"as it should be", func(jwt.MapClaims) {}, true},
		{"no nbf", func(c jwt.MapClaims) { delete(c, "nbf") }, true},
		{"no exp", func(c jwt.MapClaims) { delete(c, "exp") }, false},
		{"no jti", func(c jwt.MapClaims) { delete(c, "jti") }, false},
		{"empty jti", func(c jwt.MapClaims) { c["jti"] = "" }, false},
		{"no iss", func(c jwt.MapClaims) { delete(c, "iss") }, false},
		{"another iss", func(c jwt.MapClaims) { c["iss"] = "messagebird" }, false},
		{"no url_hash", func(c jwt.MapClaims) { delete(c, "url_hash") }, false},
		{"a payload_hash without a body", func(c jwt.MapClaims) { c["payload_hash"] = hash(nil) }, false},
	}
	v, err := NewVerifier(key, at(noon))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			claims := good()
			c.change(claims)
			token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(key))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(token, url, nil); (err == nil) != c.valid {
				t.Errorf("got error %v, want valid %v", err, c.valid)
			}
		})
	}
}

func TestSigning_EmptyKey(t *testing.T) {
	if _, err := NewVerifier("", time.Now); err == nil {
		t.Error("NewVerifier took an empty key")
	}
	if _, err := Sign("", "https://birdcar.example/", nil, noon); err == nil {
		t.Error("Sign took an empty key")
	}
}
