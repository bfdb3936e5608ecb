package simulator

import (
	"net/http/httptest"
	"testing"

	"birdcar/internal/carrier"
)

func TestAPI_OwnsNumbers(t *testing.T) {
	s := newWorld(t).simulator(t)
	api := httptest.NewServer(s.API())
	t.Cleanup(api.Close)
	c := carrier.New(carrier.Config{APIKey: apiKey, NumbersURL: api.URL + "/simulator/messagebird"})
	numbers, err := c.Numbers(t.Context())
	if err != nil || len(numbers) != len(owned) || numbers[0].Digits() != owned[0] {
		t.Errorf("got %d numbers, %v; want the simulator's %d", len(numbers), err, len(owned))
	}
}
