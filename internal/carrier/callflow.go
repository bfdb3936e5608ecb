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
		_ = xml.EscapeText(&b, []byte(f.Say)) // a bytes.Buffer takes every write
		b.WriteString(`</Say>`)
	} else {
		b.WriteString(`<Transfer destination="`)
		b.WriteString(f.Transfer.Digits())
		b.WriteString(`" mask="true" />`)
	}
	return b.Bytes()
}
