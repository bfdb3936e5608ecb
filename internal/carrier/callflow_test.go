package carrier

import (
	"encoding/xml"
	"testing"

	"birdcar/internal/masking"
)

func TestEncodeCallFlow(t *testing.T) {
	const head = `<?xml version="1.0" encoding="UTF-8"?>`
	cases := []struct {
		name string
		flow masking.CallFlow
		want string
	}{
		{"transfer", masking.CallFlow{Transfer: phoneNumber(t, "+447700900123")},
			head + `<Transfer destination="447700900123" mask="true" />`},
		{"say", masking.CallFlow{Say: masking.SayUnknown},
			head + `<Say language="en-GB" voice="female">` + masking.SayUnknown + `</Say>`},
		{"say with what XML reserves", masking.CallFlow{Say: `Ben & "Ada" <b>`},
			head + `<Say language="en-GB" voice="female">Ben &amp; &#34;Ada&#34; &lt;b&gt;</Say>`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := EncodeCallFlow(c.flow)
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			var element struct {
				Text string `xml:",chardata"`
			}
			if err := xml.Unmarshal(got, &element); err != nil || element.Text != c.flow.Say {
				t.Errorf("read back: %q, %v", element.Text, err)
			}
		})
	}
}

func BenchmarkEncodeCallFlow(b *testing.B) {
	n, err := masking.ParseCarrier("447700900123", "GB")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		EncodeCallFlow(masking.CallFlow{Transfer: n})
	}
}

func phoneNumber(t testing.TB, s string) masking.Number {
	t.Helper()
	n, err := masking.ParseCarrier(s, "GB")
	if err != nil {
		t.Fatal(err)
	}
	return n
}
