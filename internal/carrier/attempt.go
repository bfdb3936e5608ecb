package carrier

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	messagebird "github.com/messagebird/go-rest-api/v9"
)

const (
	maxAnswer   = 1 << 20
	sdkNumbers  = "https://numbers.messagebird.com/v1" // which package number writes into its paths
	sdkAbsolute = "https://"
)

// attempt is one request to MessageBird, as the SDK's client and as that client's
// transport. The SDK knows no context, one endpoint, and hides the status and
// Retry-After; attempt brings the former in and the latter out.
type attempt struct {
	client *Client
	ctx    context.Context // of this one request: the SDK's interface has no room for it

	connected  atomic.Bool // a connection was had, so that the request may have arrived
	status     int         // of the answer; 0: none
	retryAfter time.Duration
	date       string // of the answer, by MessageBird's clock, as its header has it
}

func (c *Client) attempt(ctx context.Context) (*attempt, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	return &attempt{client: c, ctx: ctx}, cancel
}

// Request implements the SDK's Client. Its errors hold answers' bodies and
// addresses: outcome puts them into words that may be shown.
func (a *attempt) Request(v any, method, path string, data any) error {
	switch rest, isNumbers := strings.CutPrefix(path, sdkNumbers); {
	case isNumbers:
		path = a.client.cfg.NumbersURL + rest
	case strings.HasPrefix(path, sdkAbsolute):
		return fmt.Errorf("no address configured for %s", path)
	default:
		path = a.client.cfg.APIURL + "/" + path
	}
	sdk := messagebird.DefaultClient{
		AccessKey: a.client.cfg.APIKey,
		HTTPClient: &http.Client{Transport: a, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirected POST would be a GET, or sent twice
		}},
	}
	return sdk.Request(v, method, path, data)
}

// RoundTrip implements http.RoundTripper.
func (a *attempt) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		// Not WroteHeaders: when the time is up, another goroutine may still be
		// about to write.
		GotConn: func(httptrace.GotConnInfo) { a.connected.Store(true) },
	})
	answer, err := a.client.http.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	a.status = answer.StatusCode
	a.date = answer.Header.Get("Date")
	a.retryAfter = retryAfter(answer.Header.Get("Retry-After"), time.Now())
	answer.Body = http.MaxBytesReader(nil, answer.Body, maxAnswer)
	return answer, nil
}

// answered is when the answer was made, by MessageBird's clock; zero: it did not say.
func (a *attempt) answered() time.Time {
	at, _ := http.ParseTime(a.date) // an unreadable one is none
	return at
}

// retryAfter reads the header's two forms, seconds and a date.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" { // as nearly always
		return 0
	}
	const longest = 24 * time.Hour
	var wait time.Duration
	if seconds, err := strconv.Atoi(header); err == nil {
		wait = time.Duration(min(max(seconds, 0), int(longest/time.Second))) * time.Second
	} else if date, err := http.ParseTime(header); err == nil {
		wait = date.Sub(now)
	}
	return min(max(wait, 0), longest)
}
