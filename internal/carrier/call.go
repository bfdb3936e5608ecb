package carrier

import (
	"net/url"

	"birdcar/internal/masking"
)

// ParseCall reads the query of GET /webhook-voice. A caller id that is hidden
// ("Restricted") or no number is a call from the zero Number. country is that of
// numbers without a country code. The error is one line that names the field.
func ParseCall(query url.Values, country string) (masking.Call, error) {
	to, err := phone(query, country, "destination")
	if err != nil {
		return masking.Call{}, err
	}
	from, err := masking.ParseCarrier(query.Get("source"), country)
	if err != nil {
		from = masking.Number{}
	}
	return masking.Call{From: from, To: to}, nil
}
