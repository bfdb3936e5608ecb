package masking

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
)

// Number is a phone number in E.164. The zero Number is no number at all.
//
// It prints masked, whichever way it is printed; E164, Digits and Grouped are
// the only ways to the whole number, so that a leak has to be written on purpose.
type Number struct{ e164 string }

// ErrNumber says that a text is not a phone number.
var ErrNumber = errors.New("not a phone number")

// maxTyped is longer than any way of writing the 15 digits of an E.164 number.
const maxTyped = 40

// ParseNumber reads a number that a person typed or another system exported.
//
// A number with + or 00 is international. Any other is read as a number of
// country (ISO 3166-1 alpha-2), unless only reading its digits as international
// gives a valid one. The number need only be possible in libphonenumber's sense:
// numbers reserved for drama and new ranges are not valid yet work.
// Anything else is ErrNumber.
func ParseNumber(typed, country string) (Number, error) {
	typed, err := tidy(typed)
	if err != nil {
		return Number{}, err
	}
	if strings.HasPrefix(typed, "+") {
		return parse(typed, "ZZ")
	}
	national, nationalErr := phonenumbers.Parse(typed, country)
	international, internationalErr := phonenumbers.Parse("+"+typed, "ZZ")
	switch {
	case nationalErr == nil && phonenumbers.IsValidNumber(national):
		return possible(national)
	case internationalErr == nil && phonenumbers.IsValidNumber(international):
		return possible(international)
	}
	if nationalErr == nil {
		if n, err := possible(national); err == nil {
			return n, nil
		}
	}
	if internationalErr == nil {
		return possible(international)
	}
	return Number{}, ErrNumber
}

// ParseCarrier reads a number as a carrier writes it: international digits with
// or without + or 00, whatever the country. Only digits that begin with a single
// 0, which no country code does, are read as a number of country.
// A caller id that is no number ("Restricted", empty, a SIP address) is ErrNumber.
func ParseCarrier(s, country string) (Number, error) {
	// The form that carriers really send is taken as it is, without libphonenumber's
	// corrections: those take longer than the database, and every call waits for this.
	if plainDigits(s) {
		return Number{"+" + s}, nil
	}
	s, err := tidy(s)
	if err != nil {
		return Number{}, err
	}
	switch {
	case strings.HasPrefix(s, "+"):
		return parse(s, "ZZ")
	case strings.HasPrefix(s, "0"):
		return parse(s, country)
	}
	return parse("+"+s, "ZZ")
}

// plainDigits reports whether s is 7 to 15 digits that begin with a country code.
func plainDigits(s string) bool {
	if len(s) < 7 || len(s) > 15 || s[0] == '0' {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// tidy is the digits of a number that somebody wrote, behind a + if it is international.
func tidy(written string) (string, error) {
	if utf8.RuneCountInString(written) > maxTyped {
		return "", ErrNumber
	}
	var b strings.Builder
	for _, r := range strings.TrimSpace(written) {
		switch {
		case r >= '0' && r <= '9', r == '+' && b.Len() == 0:
			b.WriteRune(r)
		case strings.ContainsRune(" ()./\u00a0\u202f", r), unicode.In(r, unicode.Pd, unicode.Cf):
			// Contacts are copied with all sorts of dashes, between marks of the direction of writing.
		default: // letters too: libphonenumber would dial words
			return "", ErrNumber
		}
	}
	if rest, ok := strings.CutPrefix(b.String(), "00"); ok {
		return "+" + rest, nil
	}
	return b.String(), nil
}

func parse(s, country string) (Number, error) {
	n, err := phonenumbers.Parse(s, country)
	if err != nil {
		return Number{}, ErrNumber
	}
	return possible(n)
}

func possible(n *phonenumbers.PhoneNumber) (Number, error) {
	if phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return Number{}, ErrNumber
	}
	return Number{phonenumbers.Format(n, phonenumbers.E164)}, nil
}

// IsZero reports whether n is no number.
func (n Number) IsZero() bool { return n.e164 == "" }

// E164 is the whole number with its leading +, as it is stored.
func (n Number) E164() string { return n.e164 }

// Digits is the whole number without the +, as MessageBird writes it.
func (n Number) Digits() string { return strings.TrimPrefix(n.e164, "+") }

// Grouped is the whole number in groups for reading: "+31 6 12345678".
func (n Number) Grouped() string {
	p, err := phonenumbers.Parse(n.e164, "ZZ")
	if err != nil {
		return n.e164
	}
	return phonenumbers.Format(p, phonenumbers.INTERNATIONAL)
}

// Country is the ISO 3166-1 alpha-2 code of the number's country; where several
// share a country code and the number is not a known one of any, the largest.
// It is "ZZ" for numbers of no country.
func (n Number) Country() string {
	p, err := phonenumbers.Parse(n.e164, "ZZ")
	if err != nil {
		return "ZZ"
	}
	for _, region := range []string{
		phonenumbers.GetRegionCodeForNumber(p), phonenumbers.GetRegionCodeForCountryCode(int(p.GetCountryCode())),
	} {
		if region != "" && region != "ZZ" && region != "001" { // 001: satellites and such
			return region
		}
	}
	return "ZZ"
}

// KnownCountry reports whether numbers of country (ISO 3166-1 alpha-2, upper
// case) can be read.
func KnownCountry(country string) bool {
	return phonenumbers.GetCountryCodeForRegion(country) != 0
}

// Reads says in a few words as what country's a number without a country code is read: "NL (+31)".
func Reads(country string) string {
	return fmt.Sprintf("%s (+%d)", country, phonenumbers.GetCountryCodeForRegion(country))
}

// String is the number masked: "+316•••••78". Of a short one less is shown, so that it cannot
// be told by trying.
func (n Number) String() string {
	const shownFirst, shownLast, hiddenLeast = 4, 2, 5
	first := min(shownFirst, len(n.e164)-shownLast-hiddenLeast)
	if first < 1 {
		return strings.Repeat("•", len(n.e164))
	}
	hidden := len(n.e164) - first - shownLast
	return n.e164[:first] + strings.Repeat("•", hidden) + n.e164[len(n.e164)-shownLast:]
}

// GoString masks the number under %#v too.
func (n Number) GoString() string { return n.String() }

// Format masks the number under every verb, %x and %d included.
func (n Number) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(n.String())) }

// LogValue masks the number in logs.
func (n Number) LogValue() slog.Value { return slog.StringValue(n.String()) }

// MarshalText masks the number in JSON and XML: wire formats name E164 or Digits.
func (n Number) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// Value stores the whole number in E.164, and no number as NULL.
func (n Number) Value() (driver.Value, error) {
	if n.IsZero() {
		return nil, nil
	}
	return n.e164, nil
}

// Scan reads what Value stored.
func (n *Number) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		n.e164 = ""
	case string:
		n.e164 = src
	case []byte:
		n.e164 = string(src)
	default:
		return fmt.Errorf("scan %T into a phone number", src)
	}
	return nil
}
