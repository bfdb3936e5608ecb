package masking

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest text MessageBird takes in one message: nine parts of 153 GSM 03.38
// septets, or of 67 UTF-16 units when a character is outside that alphabet.
// Source: MessageBird's help on SMS parts and message length.
const (
	MaxSeptets = maxParts * septetPart
	MaxUnits   = maxParts * unitPart

	maxParts   = 9
	septetPart = 153
	unitPart   = 67
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
// can. The pieces joined are the text. A text that fits is one piece. No piece is
// blank, unless white space alone fills one.
func Split(text string) []string {
	if len(text) <= MaxUnits { // at least a byte for each unit
		return []string{text}
	}
	size := sizeOf(text)
	var pieces []string
	for text != "" {
		cut := cutBefore(text, size)
		pieces = append(pieces, text[:cut])
		text = text[cut:]
	}
	return pieces
}

// size is how carriers count a text.
type size struct {
	gsm          bool
	weigh        func(rune) int
	single, part int // what a text of one SMS holds, and each part of a longer one
}

func sizeOf(text string) size {
	for _, r := range text {
		if septets[r] == 0 {
			return size{weigh: utf16Weight, single: 70, part: unitPart}
		}
	}
	return size{gsm: true, weigh: gsmWeight, single: 160, part: septetPart}
}

// partCounter counts the parts of a text of several. A character that counts twice
// is never divided between two: what is left of the first stays empty.
type partCounter struct {
	full int // parts before this one
	used int // of this one
}

func (p *partCounter) add(weight, part int) {
	if p.used+weight > part {
		p.full, p.used = p.full+1, 0
	}
	p.used += weight
}

func gsmWeight(r rune) int { return septets[r] }

func utf16Weight(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}

// cutBefore is where the first piece of text ends: behind the last white space
// that fits, else behind the last whole character. Neither the piece nor the rest
// is blank, which phones show as nothing, where another cut is possible.
func cutBefore(text string, size size) int {
	end := len(strings.TrimRightFunc(text, unicode.IsSpace))
	var p partCounter
	word, character := 0, 0
	seen := false   // a character that is not white space
	joined := false // the character before is a zero-width joiner
	for i, r := range text {
		if i > 0 && i < end && !joined && !continues(r) {
			character = i
		}
		joined = r == zeroWidthJoiner
		if p.add(size.weigh(r), size.part); p.full == maxParts {
			return cmp.Or(word, character, i)
		}
		space := unicode.IsSpace(r)
		seen = seen || !space
		if after := i + utf8.RuneLen(r); space && seen && after < end {
			word = after
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
