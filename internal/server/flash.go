package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
)

// A flash is a sentence that the page after a form post shows, once. The browser carries it
// there in a cookie: the session would have to be written twice for it. Its mark ties it to the
// session that it was made in, so that no page shows what somebody else planted or left behind.
const flashCookie = "birdcar_flash"

func (s *Server) setFlash(w http.ResponseWriter, r *http.Request, flash string) {
	marked := append(s.flashMark(r, flash), flash...)
	http.SetCookie(w, s.newFlashCookie(r, base64.RawURLEncoding.EncodeToString(marked), 0))
}

// takeFlash is the flash that came with the request, which the browser then forgets.
func (s *Server) takeFlash(w http.ResponseWriter, r *http.Request) string {
	cookie, err := r.Cookie(flashCookie)
	if err != nil {
		return ""
	}
	http.SetCookie(w, s.newFlashCookie(r, "", -1))
	marked, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(marked) < sha256.Size {
		return ""
	}
	mark, flash := marked[:sha256.Size], string(marked[sha256.Size:])
	if !hmac.Equal(mark, s.flashMark(r, flash)) {
		return ""
	}
	return flash
}

func (s *Server) newFlashCookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{Name: flashCookie, Value: value, Path: "/", MaxAge: maxAge,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.overHTTPS(r)}
}

// flashMark is the flash's HMAC under the session's token, which only its browser knows.
func (s *Server) flashMark(r *http.Request, flash string) []byte {
	mark := hmac.New(sha256.New, []byte(s.sessions.Token(r.Context())))
	mark.Write([]byte(flash))
	return mark.Sum(nil)
}
