package masking

// Measure is a text as carriers count it: its length in GSM 03.38 septets, or in
// UTF-16 units when it has a character outside that alphabet (gsm is false), and
// the number of SMS parts it takes: one of 160 or 70, else of 153 or 67 each.
// Source: MessageBird's help on SMS parts and message length.
func Measure(text string) (length, parts int, gsm bool) {
	gsm = true
	for _, r := range text {
		if septets[r] == 0 {
			gsm = false
			break
		}
	}
	weigh, single, part := gsmWeight, 160, 153
	if !gsm {
		weigh, single, part = utf16Weight, 70, 67
	}
	for _, r := range text {
		length += weigh(r)
	}
	if length <= single {
		return length, 1, gsm
	}
	return length, (length + part - 1) / part, gsm
}
