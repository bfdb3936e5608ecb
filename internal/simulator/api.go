package simulator

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

const (
	apiPath       = "/simulator/messagebird"
	maxRecipients = 50
	maxReference  = 128
	maxRequest    = 64 << 10
)

// The codes of MessageBird's errors.
const (
	codeNotAllowed = 2
	codeMissing    = 9
	codeInvalid    = 10
	codeNotFound   = 20
	codeBadRequest = 21
	codeNoAPI      = 98
	codeInternal   = 99
)

// API is MessageBird's API for messages and for the account's numbers, below
// /simulator/messagebird.
// Source: the OpenAPI description "MessageBird SMS API 1.0.0".
func (s *Simulator) API() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+apiPath+"/messages", s.createMessage)
	mux.HandleFunc("GET "+apiPath+"/messages", s.listMessages)
	mux.HandleFunc("GET "+apiPath+"/messages/{id}", s.readMessage)
	mux.HandleFunc("GET "+apiPath+"/phone-numbers", s.listNumbers)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, codeNoAPI, "API not found", "")
	})
	want := sha256.Sum256([]byte("AccessKey " + s.cfg.APIKey))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := sha256.Sum256([]byte(r.Header.Get("Authorization")))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			refuse(w, http.StatusUnauthorized, codeNotAllowed, "Request not allowed (incorrect access_key)", "access_key")
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (s *Simulator) createMessage(w http.ResponseWriter, r *http.Request) {
	var order carrier.WireSend
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest)).Decode(&order); err != nil {
		refuse(w, http.StatusBadRequest, codeBadRequest, "Bad request (the body is not the JSON of a message)", "")
		return
	}
	m, wrong := s.messageFrom(order)
	if wrong != nil {
		refuse(w, http.StatusUnprocessableEntity, wrong.Code, wrong.Description, wrong.Parameter)
		return
	}
	if err := s.keep(m); err != nil {
		s.cfg.Log.Error("the simulator cannot keep a text", "err", err)
		refuse(w, http.StatusInternalServerError, codeInternal, "Internal error", "")
		return
	}
	answer(w, http.StatusCreated, wire(m))
}

// messageFrom is the text that an order asks for, or what is wrong with the order.
func (s *Simulator) messageFrom(order carrier.WireSend) (message, *carrier.WireError) {
	invalid := func(code int, description, parameter string) (message, *carrier.WireError) {
		return message{}, &carrier.WireError{Code: code, Description: description, Parameter: parameter}
	}
	now := s.cfg.Now()
	m := message{
		ID: newID(), Direction: toHandset, Type: "sms", Created: now,
		Originator: strings.TrimPrefix(order.Originator, "+"),
		Body:       order.Body, Reference: order.Reference, ReportURL: order.ReportURL,
	}
	if m.Originator == "" {
		return invalid(codeMissing, "originator is required", "originator")
	} else if !isOriginator(m.Originator) {
		return invalid(codeInvalid, "originator is invalid", "originator")
	}
	for _, typed := range order.Recipients {
		to, err := masking.ParseCarrier(typed, s.cfg.Country)
		if err != nil {
			return invalid(codeMissing, "no (correct) recipients found", "recipient")
		}
		if !m.goesTo(to.Digits()) {
			m.Recipients = append(m.Recipients, recipient{Number: to.Digits(), Status: sent, StatusAt: now})
		}
	}
	switch count := len(m.Recipients); {
	case count == 0:
		return invalid(codeMissing, "no (correct) recipients found", "recipient")
	case count > maxRecipients:
		return invalid(codeInvalid, "more than 50 recipients", "recipient")
	case m.Body == "":
		return invalid(codeMissing, "body is required", "body")
	case utf8.RuneCountInString(m.Reference) > maxReference:
		return invalid(codeInvalid, "reference is longer than 128 characters", "reference")
	}
	switch _, _, gsm := masking.Measure(m.Body); {
	case order.DataCoding == "unicode" || order.DataCoding == "auto" && !gsm:
		m.DataCoding = "unicode"
	default:
		m.DataCoding = "plain"
		m.Body = strings.Map(inGSM, m.Body)
	}
	if len(masking.Split(m.Body)) > 1 {
		return invalid(codeInvalid, "body is too long", "body")
	}
	return m, nil
}

// inGSM replaces what the plain alphabet lacks, as MessageBird does with texts
// that were not sent with datacoding auto or unicode.
func inGSM(r rune) rune {
	if _, _, gsm := masking.Measure(string(r)); !gsm {
		return '?'
	}
	return r
}

// isOriginator reports whether s is up to 17 digits, or 11 letters and digits.
func isOriginator(s string) bool {
	letters := false
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r == ' ':
			letters = true
		default:
			return false
		}
	}
	return len(s) <= 11 || !letters && len(s) <= 17
}

func (s *Simulator) readMessage(w http.ResponseWriter, r *http.Request) {
	m, ok := s.message(r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusNotFound, codeNotFound, "message not found", "")
		return
	}
	answer(w, http.StatusOK, wire(m))
}

func (s *Simulator) listMessages(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	offset, limit, ok := 0, 20, true
	number := func(name string, n *int, least, most int) {
		if typed := query.Get(name); typed != "" && ok {
			value, err := strconv.Atoi(typed)
			if err != nil || value < least || value > most {
				refuse(w, http.StatusUnprocessableEntity, codeInvalid, name+" is invalid", name)
				ok = false
			}
			*n = value
		}
	}
	number("offset", &offset, 0, maxKept)
	number("limit", &limit, 1, 200)
	if !ok {
		return
	}
	page, total := s.list(filter{
		originator: strings.TrimPrefix(query.Get("originator"), "+"),
		direction:  direction(query.Get("direction")),
		status:     status(query.Get("status")),
	}, offset, limit)
	list := carrier.WireList{
		Offset: offset, Limit: limit, Count: len(page), TotalCount: total,
		Items: make([]carrier.WireMessage, 0, len(page)),
	}
	for _, m := range page {
		list.Items = append(list.Items, wire(m))
	}
	link := func(offset int) *string {
		query.Set("offset", strconv.Itoa(offset))
		query.Set("limit", strconv.Itoa(limit))
		address := apiPath + "/messages?" + query.Encode()
		return &address
	}
	list.Links.First = link(0)
	list.Links.Last = link(max(0, total-1) / limit * limit)
	if offset > 0 {
		list.Links.Previous = link(max(0, offset-limit))
	}
	if offset+limit < total {
		list.Links.Next = link(offset + limit)
	}
	answer(w, http.StatusOK, list)
}

// wire is m as the API answers it.
func wire(m message) carrier.WireMessage {
	_, parts, _ := masking.Measure(m.Body)
	w := carrier.WireMessage{
		ID: m.ID, Href: apiPath + "/messages/" + m.ID,
		Direction: string(m.Direction), Type: m.Type,
		Originator: m.Originator, Body: m.Body, ReportURL: m.ReportURL,
		DataCoding: m.DataCoding, MClass: 1, CreatedDatetime: carrier.WireTime(m.Created),
	}
	if m.Reference != "" {
		w.Reference = &m.Reference
	}
	w.Recipients.TotalCount = len(m.Recipients)
	for _, r := range m.Recipients {
		number, _ := strconv.ParseInt(r.Number, 10, 64) // digits: checked when taken
		at := carrier.WireTime(r.StatusAt)
		w.Recipients.Items = append(w.Recipients.Items, carrier.WireRecipient{
			Recipient: number, Status: string(r.Status), StatusDatetime: &at, MessagePartCount: parts,
		})
		w.Recipients.TotalSentCount++
		switch r.Status {
		case delivered:
			w.Recipients.TotalDeliveredCount++
		case failed:
			w.Recipients.TotalDeliveryFailedCount++
		}
	}
	return w
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever asked has gone
}

func refuse(w http.ResponseWriter, status, code int, description, parameter string) {
	answer(w, status, carrier.WireErrors{Errors: []carrier.WireError{
		{Code: code, Description: description, Parameter: parameter},
	}})
}
