package carrier

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/messagebird/go-rest-api/v9/balance"
	"github.com/messagebird/go-rest-api/v9/number"
	"github.com/messagebird/go-rest-api/v9/sms"

	"birdcar/internal/masking"
)

// Config says how to reach MessageBird.
type Config struct {
	APIKey      string
	APIURL      string        // such as https://rest.messagebird.com
	NumbersURL  string        // such as https://numbers.messagebird.com/v1
	ReportURL   string        // where delivery reports shall go, with its token; sent with each message
	Timeout     time.Duration // for one request and its whole answer; 0: 15 s
	Connections int           // kept alive between requests; 0: 16

	Now func() time.Time // of the clock that messages' times are by; nil: time.Now
}

// Client talks to MessageBird's API. Any number of goroutines may use it at once.
// It sends no request twice by itself.
type Client struct {
	cfg  Config
	http *http.Transport
}

// New makes a Client. It talks to nobody yet.
func New(cfg Config) *Client {
	cfg.APIURL = strings.TrimRight(cfg.APIURL, "/")
	cfg.NumbersURL = strings.TrimRight(cfg.NumbersURL, "/")
	if cfg.Timeout == 0 {
		cfg.Timeout = 15 * time.Second
	}
	if cfg.Connections == 0 {
		cfg.Connections = 16
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{cfg: cfg, http: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 5 * time.Second,
		MaxIdleConnsPerHost: cfg.Connections,
		// Shorter than a server's patience: a request on a connection that the
		// server just closed has an unknown outcome.
		IdleConnTimeout: 30 * time.Second,
	}}
}

// Send hands m to MessageBird and returns its id there. The error is always a
// *masking.CarrierError.
func (c *Client) Send(ctx context.Context, m masking.Message) (carrierID string, err error) {
	if m.From.IsZero() || m.To.IsZero() || m.Body == "" {
		return "", &masking.CarrierError{Outcome: masking.Rejected, Reason: "The message lacks a sender, a recipient or a text."}
	}
	a, cancel := c.attempt(ctx)
	defer cancel()
	answer, err := sms.Create(a, m.From.Digits(), []string{m.To.Digits()}, m.Body, &sms.Params{
		Type:       "sms",
		Reference:  m.Reference,
		DataCoding: "auto", // the default, plain, replaces what GSM 03.38 lacks
		ReportURL:  c.cfg.ReportURL,
	})
	if err != nil {
		return "", outcome(err, a)
	}
	carrierID = messageID(answer)
	// An answer about another message is none to this one: it came late, on the same connection.
	if carrierID == "" || answer.Reference != "" && answer.Reference != m.Reference {
		return "", outcome(nil, a)
	}
	return carrierID, nil
}

// messageID is MessageBird's id of a message, as it can be stored and as a report's is read.
func messageID(m *sms.Message) string {
	id := masking.CleanLine(m.ID)
	return strings.ToValidUTF8(id[:min(len(id), maxID)], "")
}

// IsTestKey reports whether MessageBird takes messages with an API key and sends none of them.
func IsTestKey(key string) bool { return strings.HasPrefix(key, "test_") }

// Balance is what the account has left to spend.
type Balance struct {
	Payment  string // prepaid or postpaid
	Type     string // credits or a currency
	Amount   float64
	Answered time.Time // by MessageBird's clock; zero: it did not say
	TestKey  bool      // IsTestKey of the key
}

// Balance asks for the account's balance, which also tells whether the API key
// works. The error is always a *masking.CarrierError.
func (c *Client) Balance(ctx context.Context) (Balance, error) {
	a, cancel := c.attempt(ctx)
	defer cancel()
	b, err := balance.Read(a)
	if err != nil || b.Payment == "" { // any JSON decodes into an empty balance
		return Balance{}, outcome(err, a)
	}
	// Through its decimal form: 9.2 as a float32 is 9.19999980926513671875.
	amount, _ := strconv.ParseFloat(strconv.FormatFloat(float64(b.Amount), 'g', -1, 32), 64)
	return Balance{Payment: b.Payment, Type: b.Type, Amount: amount, Answered: a.answered(),
		TestKey: IsTestKey(c.cfg.APIKey)}, nil
}

const (
	numbersPage = 20 // as findPage
	maxNumbers  = 10_000
)

// Numbers lists the phone numbers that the account owns, short codes left out.
// The error is always a *masking.CarrierError.
func (c *Client) Numbers(ctx context.Context) ([]masking.Number, error) {
	var owned []masking.Number
	for offset := 0; offset < maxNumbers; {
		page, err := c.numbers(ctx, offset)
		if err != nil {
			return nil, err
		}
		for _, item := range page.Items {
			if item == nil {
				continue
			}
			if n, err := masking.ParseCarrier(item.Number, "ZZ"); err == nil {
				owned = append(owned, n)
			}
		}
		offset += len(page.Items)
		if len(page.Items) == 0 || offset >= page.TotalCount {
			return owned, nil
		}
	}
	return owned, nil
}

func (c *Client) numbers(ctx context.Context, offset int) (*number.Numbers, error) {
	a, cancel := c.attempt(ctx)
	defer cancel()
	page, err := number.List(a, &number.ListRequest{Limit: numbersPage, Offset: offset})
	if err != nil {
		return nil, outcome(err, a)
	}
	if !readable(page.Limit, page.Offset, offset, page.Count, len(page.Items), page.TotalCount) {
		return nil, outcome(nil, a)
	}
	return page, nil
}
