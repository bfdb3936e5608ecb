package carrier

import (
	"bytes"
	"encoding/xml"

	"birdcar/internal/masking"
)

// EncodeCallFlow writes the XML that tells MessageBird what to do with a call.
// It is one element without a root, the one form that all of MessageBird's
// tutorials send.
func EncodeCallFlow(f masking.CallFlow) []byte {
	var b bytes.Buffer
	b.Grow(256)
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>`)
	if f.Transfer.IsZero() {
		b.WriteString(`<Say language="en-GB" voice="female">`)
		escape(&b, f.Say)
		b.WriteString(`</Say>`)
	} else {
		b.WriteString(`<Transfer destination="`)
		escape(&b, f.Transfer.Digits())
		b.WriteString(`" mask="true" />`)
	}
	return b.Bytes()
}

// escape cannot fail: a bytes.Buffer takes every write.
func escape(b *bytes.Buffer, s string) { _ = xml.EscapeText(b, []byte(s)) }
