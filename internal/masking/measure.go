package masking

// Measure is a text as carriers count it: its length in GSM 03.38 septets, or in
// UTF-16 units when it has a character outside that alphabet (gsm is false), and
// the number of SMS parts it takes: one of 160 or 70, else of 153 or 67 each.
// Source: MessageBird's help on SMS parts and message length.
func Measure(text string) (length, parts int, gsm bool) {
	size := sizeOf(text)
	var p partCounter
	for _, r := range text {
		weight := size.weigh(r)
		length += weight
		p.add(weight, size.part)
	}
	if length <= size.single {
		return length, 1, size.gsm
	}
	return length, p.full + 1, size.gsm
}
