package server_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// flashOf makes the site leave a flash, and returns its cookie.
func flashOf(s *site, headers ...string) *http.Cookie {
	s.t.Helper()
	headers = append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers...)
	a := s.do(http.MethodPost, "/customers", "name=Ada&number=07700+900123", headers...)
	a.wantRedirect("/customers")
	for _, line := range a.header.Values("Set-Cookie") {
		if cookie, err := http.ParseSetCookie(line); err == nil && cookie.Name == "birdcar_flash" {
			return cookie
		}
	}
	s.t.Fatalf("no flash among the cookies %q", a.header.Values("Set-Cookie"))
	return nil
}

const ofAda = "Ada is on the list of customers. The number is read as +447•••••••23 (GB)."

// A page shows no flash but one of its own session: not another admin's, not one that
// somebody changed, and nothing that is none.
func TestFlash_ofAnother(t *testing.T) {
	s := newSite(t)
	s.login()
	flash := flashOf(s)
	s.get("/customers").wantText(ofAda)

	mine := s.client.Jar.Cookies(mustURL(t, s.url))
	if len(mine) != 1 {
		t.Fatalf("the browser keeps %d cookies, want the session only", len(mine))
	}
	showing := func(value string) string {
		t.Helper()
		a := s.do(http.MethodGet, "/customers", "", "Cookie", "birdcar_flash="+value).wantStatus(http.StatusOK)
		text := ""
		for region := range a.all("p") {
			if attribute(region, "class") == "flash" {
				text = strings.TrimSpace(textOf(region))
			}
		}
		return text
	}
	if got := showing(flash.Value); got != ofAda {
		t.Errorf("with its own flash the page says %q", got)
	}
	marked, err := base64.RawURLEncoding.DecodeString(flash.Value)
	if err != nil {
		t.Fatal(err)
	}
	changed := base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(marked), "Ada", "Eve", 1)))
	for _, value := range []string{changed, "", "x", "%", flash.Value[:20], base64.RawURLEncoding.EncodeToString([]byte(ofAda))} {
		if got := showing(value); got != "" {
			t.Errorf("a flash of %q shows %q", value, got)
		}
	}

	s.post("/logout").wantRedirect("/login")
	s.login()
	if got := showing(flash.Value); got != "" {
		t.Errorf("a later session shows %q", got)
	}
}

func TestFlash_cookie(t *testing.T) {
	s := newSite(t)
	s.login()
	flash := flashOf(s)
	if !flash.HttpOnly || flash.SameSite != http.SameSiteLaxMode || flash.Path != "/" || flash.MaxAge != 0 || flash.Secure {
		t.Errorf("the flash's cookie is %s", flash)
	}
	if flash := flashOf(s, "X-Forwarded-Proto", "https"); !flash.Secure {
		t.Error("over https the flash's cookie is not Secure")
	}
}
