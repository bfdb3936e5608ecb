package masking

import (
	"unicode"
	"unicode/utf8"
)

// The longest text MessageBird takes in one message: nine parts of 153 GSM 03.38
// septets, or of 67 UTF-16 units when a character is outside that alphabet.
// Source: MessageBird's help on SMS parts and message length.
const (
	MaxSeptets = 9 * 153
	MaxUnits   = 9 * 67
)

// gsmBasic is the GSM 03.38 default alphabet and gsmExtended its extension table,
// whose characters count twice. Source: 3GPP TS 23.038, section 6.2.1.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

var septets = func() map[rune]int {
	m := make(map[rune]int, len(gsmBasic)+len(gsmExtended))
	for _, r := range gsmBasic {
		m[r] = 1
	}
	for _, r := range gsmExtended {
		m[r] = 2
	}
	return m
}()

// Split cuts a text into pieces that the carrier takes, between words where it
// can. The pieces joined are the text. A text that fits is one piece.
func Split(text string) []string {
	if len(text) <= MaxUnits { // at least a byte for each unit
		return []string{text}
	}
	weigh, limit := gsmWeight, MaxSeptets
	for _, r := range text {
		if septets[r] == 0 {
			weigh, limit = utf16Weight, MaxUnits
			break
		}
	}
	var pieces []string
	for text != "" {
		cut := cutBefore(text, weigh, limit)
		pieces = append(pieces, text[:cut])
		text = text[cut:]
	}
	return pieces
}

func gsmWeight(r rune) int { return septets[r] }

func utf16Weight(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// cutBefore is where the first piece of text ends: behind the last white space
// that fits, else behind the last whole character.
func cutBefore(text string, weigh func(rune) int, limit int) int {
	weight, word, character := 0, 0, 0
	joined := false // the character before is a zero-width joiner
	for i, r := range text {
		if i > 0 && !joined && !continues(r) {
			character = i
		}
		joined = r == zeroWidthJoiner
		if weight += weigh(r); weight > limit {
			switch {
			case word > 0:
				return word
			case character > 0:
				return character
			}
			return i
		}
		if unicode.IsSpace(r) {
			word = i + utf8.RuneLen(r)
		}
	}
	return len(text)
}

const zeroWidthJoiner = '\u200d'

// continues reports whether r belongs to the character before it: accents,
// variation selectors, skin tones and what a joiner binds.
func continues(r rune) bool {
	return r == zeroWidthJoiner || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r) ||
		r >= 0x1F3FB && r <= 0x1F3FF
}
