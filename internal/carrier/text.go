package carrier

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"birdcar/internal/masking"
)

const (
	maxFields = 100 // a webhook has some 15
	maxID     = 128
	maxTime   = 64
)

// ParseText reads the body of POST /webhook: an inbound text, form-encoded or
// JSON, under any of the names that Flow Builder has given its fields. Pictures
// follow the text as their addresses, one on each line. country is that of
// numbers without a country code.
//
// The error is one line that names the missing or wrong field and repeats nothing
// of what was sent.
func ParseText(contentType string, body []byte, country string) (masking.Text, error) {
	fields, err := parseFields(contentType, body)
	if err != nil {
		return masking.Text{}, err
	}
	from, err := phone(fields, country, "originator", "sender")
	if err != nil {
		return masking.Text{}, err
	}
	to, err := phone(fields, country, "recipient", "receiver", "shortcode")
	if err != nil {
		return masking.Text{}, err
	}
	text, err := content(fields)
	if err != nil {
		return masking.Text{}, err
	}
	id, err := line(fields, maxID, "id", "mid")
	if err != nil {
		return masking.Text{}, err
	}
	created, err := line(fields, maxTime, "createdDatetime", "date_utc", "receive_datetime")
	if err != nil {
		return masking.Text{}, err
	}
	return masking.Text{CarrierID: id, From: from, To: to, Body: text, Created: created}, nil
}

// content is the text and, of an MMS, the addresses of its pictures.
func content(fields url.Values) (string, error) {
	names := []string{"payload", "body", "message"}
	lines := media(fields)
	if text := masking.Clean(first(fields, names...)); text != "" {
		lines = slices.Insert(lines, 0, text)
	}
	switch {
	case len(lines) > 0:
		return strings.Join(lines, "\n"), nil
	case slices.ContainsFunc(names, fields.Has):
		return "", errors.New("payload is empty")
	}
	return "", errors.New("payload is missing")
}

// media finds mediaUrls, also written mediaURLs, mediaUrls[] or mediaUrls[0]. A form has
// each address by itself, or all of them as a JSON list.
func media(fields url.Values) (addresses []string) {
	var names []string
	for name := range fields {
		if strings.HasPrefix(strings.ToLower(name), "mediaurls") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range fields[name] {
			list, err := items([]byte(value))
			if err != nil {
				list = []string{value}
			}
			for _, address := range list {
				if address = masking.CleanLine(address); address != "" {
					addresses = append(addresses, address)
				}
			}
		}
	}
	return addresses
}

// first is the value of the first of names that has one.
func first(fields url.Values, names ...string) string {
	for _, name := range names {
		if value := fields.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// phone reads a phone number that must be there.
func phone(fields url.Values, country string, names ...string) (masking.Number, error) {
	value := first(fields, names...)
	if value == "" {
		return masking.Number{}, errors.New(names[0] + " is missing")
	}
	n, err := masking.ParseCarrier(value, country)
	if err != nil {
		return masking.Number{}, errors.New(names[0] + " is not a phone number")
	}
	return n, nil
}

// line reads a short value that may be missing.
func line(fields url.Values, limit int, names ...string) (string, error) {
	value := masking.CleanLine(first(fields, names...))
	if len(value) > limit {
		return "", errors.New(names[0] + " is too long")
	}
	return value, nil
}

func parseFields(contentType string, body []byte) (url.Values, error) {
	body = bytes.TrimPrefix(body, []byte("\uFEFF")) // a mark that it is UTF-8
	mediaType, _, _ := strings.Cut(contentType, ";")
	switch strings.ToLower(strings.TrimSpace(mediaType)) {
	case "application/json":
		return parseJSON(body)
	case "application/x-www-form-urlencoded":
		return parseForm(body)
	case "":
		if bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
			return parseJSON(body)
		}
		return parseForm(body)
	}
	return nil, errors.New("the content type must be application/x-www-form-urlencoded or application/json")
}

func parseForm(body []byte) (url.Values, error) {
	if bytes.Count(body, []byte("&")) >= maxFields {
		return nil, errors.New("the form has too many fields")
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errors.New("the body is not a readable form")
	}
	return fields, nil
}

// parseJSON reads an object as if its fields were a form's. What is nested deeper
// than a list is left out: no field of a text is, and one that MessageBird may add
// must not cost a text.
func parseJSON(body []byte) (url.Values, error) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return nil, errors.New("the body is not a readable JSON object")
	}
	if len(object) > maxFields {
		return nil, errors.New("the JSON object has too many fields")
	}
	fields := make(url.Values, len(object))
	for name, raw := range object {
		if raw[0] != '[' {
			if value, ok := scalar(raw); ok {
				fields.Set(name, value)
			}
			continue
		}
		list, err := items(raw)
		if err != nil {
			return nil, errors.New("the body is not a readable JSON object")
		}
		for _, value := range list {
			fields.Add(name, value)
		}
	}
	return fields, nil
}

// items are the scalars of a JSON list.
func items(raw []byte) (values []string, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	for _, item := range list {
		if value, ok := scalar(item); ok {
			values = append(values, value)
		}
	}
	return values, nil
}

// scalar is a JSON string's text, or a number or boolean as it is written.
func scalar(raw json.RawMessage) (string, bool) {
	switch raw[0] {
	case '"':
		var s string
		err := json.Unmarshal(raw, &s)
		return s, err == nil
	case '{', '[', 'n':
		return "", false
	}
	return string(raw), true
}
