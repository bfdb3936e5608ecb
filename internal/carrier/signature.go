package carrier

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// SignatureHeader is where a webhook carries its signature.
const SignatureHeader = "MessageBird-Signature-JWT"

const (
	issuer    = "MessageBird"
	maxSkew   = time.Second // between MessageBird's clock and ours
	maxToken  = 4096        // a real one has some 500 bytes
	signedFor = time.Minute
)

// Signature is a verified signature. Each ID is used once: keep it until Expires to notice a
// replay; after that the signature has expired anyway.
type Signature struct {
	ID      string
	Expires time.Time
}

// Verifier checks the signatures of webhooks.
// Source: MessageBird's documentation on verifying HTTP requests.
type Verifier struct {
	key    []byte
	parser *jwt.Parser
}

// NewVerifier makes a Verifier for the account's signing key, which is not its
// API key. An empty key, with which anybody could sign, is an error.
func NewVerifier(signingKey string, now func() time.Time) (*Verifier, error) {
	if signingKey == "" {
		return nil, errors.New("the signing key is empty")
	}
	return &Verifier{
		key: []byte(signingKey),
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}),
			jwt.WithIssuer(issuer),
			jwt.WithExpirationRequired(),
			jwt.WithLeeway(maxSkew),
			jwt.WithTimeFunc(now),
		),
	}, nil
}

// Verify checks that token signs url, exactly as it was called, and body.
func (v *Verifier) Verify(token, url string, body []byte) (Signature, error) {
	if len(token) > maxToken {
		return Signature{}, errors.New("signature: too long")
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.keyOf); err != nil {
		return Signature{}, fmt.Errorf("signature: %w", err)
	}
	switch {
	case c.ID == "":
		return Signature{}, errors.New("signature: claim jti is missing")
	case !same(c.URLHash, hash([]byte(url))):
		return Signature{}, errors.New("signature: made for another url")
	case !same(c.PayloadHash, payloadHash(body)):
		return Signature{}, errors.New("signature: made for another body")
	}
	return Signature{ID: c.ID, Expires: c.ExpiresAt.Add(2 * maxSkew)}, nil
}

func (v *Verifier) keyOf(*jwt.Token) (any, error) { return v.key, nil }

// Sign makes the token with which MessageBird signs a webhook that it calls at
// url with body. Only whoever plays MessageBird needs it.
func Sign(signingKey, url string, body []byte, now time.Time) (string, error) {
	if signingKey == "" {
		return "", errors.New("the signing key is empty")
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    issuer,
			NotBefore: jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(signedFor)),
			ID:        rand.Text(),
		},
		URLHash:     hash([]byte(url)),
		PayloadHash: payloadHash(body),
	}).SignedString([]byte(signingKey))
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return token, nil
}

type claims struct {
	jwt.RegisteredClaims
	URLHash     string `json:"url_hash"`
	PayloadHash string `json:"payload_hash,omitempty"`
}

// payloadHash is absent from the claims of a request without a body.
func payloadHash(body []byte) string {
	if len(body) == 0 {
		return ""
	}
	return hash(body)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
