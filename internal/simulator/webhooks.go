package simulator

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"birdcar/internal/carrier"
	"birdcar/internal/masking"
)

// maxAnswer is how much of an answer to a webhook is read.
const maxAnswer = 64 << 10

// postText brings a handset's text to BirdCar. What BirdCar does not take is tried
// again, then shown on the handset.
func (s *Simulator) postText(ctx context.Context, j job) {
	m, ok := s.message(j.id)
	if !ok {
		return
	}
	body := []byte(textForm(m).Encode())
	_, err := s.webhook(ctx, http.MethodPost, s.cfg.PublicURL+"/webhook?token="+url.QueryEscape(s.cfg.Token), body)
	switch {
	case err == nil:
		s.settle(j.id, j.to, delivered, "")
	case ctx.Err() != nil: // still sent: the next start posts it again
	case !s.later(&s.inbound, j):
		s.narrate(func(r *run) { r.refused(s.cfg.Now()) })
		s.settle(j.id, j.to, failed, err.Error())
	}
}

// textForm is an inbound text as MessageBird's Flow Builder posts it.
// Source: the request captured in MessageBird's Go tutorial, whose "date" was
// eight hours ahead of "date_utc".
func textForm(m message) url.Values {
	const dateAhead = 8 * time.Hour
	return url.Values{
		"id":              {m.ID},
		"message_id":      {newID()},
		"reference":       {"47749346971"},
		"originator":      {m.Originator},
		"sender":          {m.Originator},
		"recipient":       {m.to()},
		"receiver":        {m.to()},
		"body":            {m.Body},
		"message":         {m.Body},
		"payload":         {m.Body},
		"createdDatetime": {carrier.WireTime(m.Created)},
		"date":            {strconv.FormatInt(m.Created.Add(dateAhead).Unix(), 10)},
		"date_utc":        {strconv.FormatInt(m.Created.Unix(), 10)},
	}
}

// postReport tells BirdCar that a text reached its handset, if the text asked for
// that. MessageBird reports only texts with a reference.
func (s *Simulator) postReport(ctx context.Context, j job) {
	m, ok := s.message(j.id)
	if !ok {
		return
	}
	if m.Reference != "" && m.ReportURL != "" {
		_, err := s.webhook(ctx, http.MethodGet, reportURL(m, j.to, s.cfg.Now()), nil)
		if ctx.Err() != nil || err != nil && s.later(&s.outbound, j) {
			return
		}
		if err != nil {
			s.cfg.Log.Warn("the simulator's delivery report was not taken", "message", m.ID, "err", err)
		}
	}
	s.settle(j.id, j.to, delivered, "")
}

func reportURL(m message, to string, now time.Time) string {
	length, parts, _ := masking.Measure(m.Body)
	report := url.Values{
		"id":               {m.ID},
		"reference":        {m.Reference},
		"recipient":        {to},
		"status":           {string(delivered)},
		"statusReason":     {"successfully delivered"},
		"statusErrorCode":  {"0"},
		"statusDatetime":   {carrier.WireTime(now)},
		"datacoding":       {m.DataCoding},
		"mccmnc":           {"23415"},
		"messageLength":    {strconv.Itoa(length)},
		"messagePartCount": {strconv.Itoa(parts)},
		"ported":           {"0"},
		"price[amount]":    {"0"},
		"price[currency]":  {"EUR"},
	}
	separator := "?"
	if strings.Contains(m.ReportURL, "?") {
		separator = "&"
	}
	return m.ReportURL + separator + report.Encode()
}

// webhook calls address, one below PublicURL, signed as MessageBird signs it, but
// at the place where BirdCar really listens. Every answer but a 2xx is an error.
func (s *Simulator) webhook(ctx context.Context, method, address string, body []byte) ([]byte, error) {
	s.mu.Lock()
	listen := s.listen
	s.mu.Unlock()
	if listen == "" {
		return nil, errors.New("the simulator has not started yet")
	}
	called, err := url.Parse(strings.TrimPrefix(address, s.cfg.PublicURL))
	if err != nil {
		return nil, errors.New("the webhook's address is not a URL")
	}
	token, err := carrier.Sign(s.cfg.SigningKey, address, body, s.cfg.Now())
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, listen+called.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the webhook's address is not a URL")
	}
	request.Header.Set(carrier.SignatureHeader, token)
	request.Header.Set("User-Agent", "BirdCar-Simulator")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, errors.New("BirdCar did not answer") // the error itself holds the address, which is secret
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if response.StatusCode/100 != 2 {
		return nil, fmt.Errorf("BirdCar answered %d %s", response.StatusCode, http.StatusText(response.StatusCode))
	} else if err != nil {
		return nil, errors.New("BirdCar's answer broke off")
	}
	return answer, nil
}
