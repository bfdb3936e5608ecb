package server

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/exchange"
)

// bodyTime is how long a webhook's body may take to arrive.
const bodyTime = 10 * time.Second

// webhook is a request of the carrier's that was let in.
type webhook struct {
	query url.Values
	body  []byte
	proof exchange.Proof
}

// letIn hands a request to next when it has a valid signature, or none and the
// right token; it answers any other with 401. A signature that is wrong, also an empty
// one or one of several, is refused whatever the token says. Without a signing key a
// signature cannot be checked: it counts for nothing, and the token decides.
func (s *Server) letIn(next func(http.ResponseWriter, *http.Request, webhook)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		in := webhook{query: r.URL.Query()}
		signatures := r.Header.Values(carrier.SignatureHeader)
		signed := len(signatures) > 0 && s.Verifier != nil
		if !signed && !same(in.query.Get("token"), s.Token) {
			oneLine(w, http.StatusUnauthorized, "A valid signature or token is needed.")
			return
		}
		var ok bool
		if in.body, ok = readBody(w, r); !ok {
			return
		}
		if signed {
			sig, err := s.verify(signatures, s.calledURL(r), in.body)
			if err != nil {
				s.Log.Warn("webhook refused", "route", pattern(r), "reason", err)
				oneLine(w, http.StatusUnauthorized, "The signature is not valid.")
				return
			}
			in.proof = exchange.Proof{ID: sig.ID, Expires: sig.Expires}
		}
		next(w, r, in)
	}
}

// claimsToBeCarrier reports whether a request brings a token or a signature, right or wrong.
// Whoever brings neither is some stranger, about whom nothing has to be done.
func claimsToBeCarrier(r *http.Request) bool {
	return r.Header.Get(carrier.SignatureHeader) != "" || r.URL.Query().Get("token") != ""
}

// verify takes one signature: of several, somebody on the way may have checked another.
func (s *Server) verify(signatures []string, url string, body []byte) (carrier.Signature, error) {
	if len(signatures) > 1 {
		return carrier.Signature{}, errors.New("signature: more than one")
	}
	return s.Verifier.Verify(signatures[0], url, body)
}

// calledURL is the address as the carrier called it, which its signature covers.
func (s *Server) calledURL(r *http.Request) string {
	called := s.PublicURL + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		called += "?" + r.URL.RawQuery
	}
	return called
}

// readBody reads a webhook's body, or answers why it could not.
func readBody(w http.ResponseWriter, r *http.Request) (body []byte, ok bool) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, true
	}
	// Not every writer has deadlines: tests' recorders have none.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		return body, true
	case errors.As(err, &tooLarge):
		oneLine(w, http.StatusRequestEntityTooLarge, "The body is larger than 64 KB.")
	case errors.Is(err, os.ErrDeadlineExceeded):
		oneLine(w, http.StatusRequestTimeout, "The body took too long to arrive.")
	default:
		oneLine(w, http.StatusBadRequest, "The body could not be read.")
	}
	return nil, false
}

// oneLine answers a machine.
func oneLine(w http.ResponseWriter, status int, text string) { http.Error(w, text, status) }
