package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// crowd is one driver and many customers, who are all on the lists before BirdCar starts.
type crowd struct {
	store     *store.Store
	driver    masking.Party
	customers []masking.Party
}

func newCrowd(t *testing.T, database string, customers, numbers int) *crowd {
	t.Helper()
	ctx := context.Background()
	c := &crowd{store: storetest.Open(t, database, time.Now)}
	x, err := exchange.New(exchange.Config{Store: c.store, Outbox: nobody{}, Zone: time.UTC, Country: "GB", RideLimit: time.Hour,
		Linger: time.Hour, Lease: time.Minute, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for i := range numbers {
		if _, err := x.AddNumber(ctx, fmt.Sprintf("+44207946%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range customers {
		customer, err := x.AddParty(ctx, masking.Customer, fmt.Sprint("Customer ", i), fmt.Sprintf("+447700900%03d", i))
		if err != nil {
			t.Fatal(err)
		}
		c.customers = append(c.customers, customer)
	}
	if c.driver, err = x.AddParty(ctx, masking.Driver, "Ben", "+447700900999"); err != nil {
		t.Fatal(err)
	}
	return c
}

// Everybody wants the same driver at the same moment: each gets a number of their
// own with him, or is told that the pool is empty.
func TestRides_AtOnce(t *testing.T) {
	const clients, numbers = 64, 40
	race := func(t *testing.T, database string, instances int) {
		env := map[string]string{"ADMIN_PASSWORD": "correct horse", "MESSAGEBIRD_API_KEY": "live_key", "MESSAGEBIRD_API_URL": newMessageBird(t).URL}
		c := newCrowd(t, database, clients, numbers)
		admins := make([]*admin, instances)
		var b *instance
		for i := range admins {
			b = start(t, database, env)
			admins[i] = signedIn(t, b.base, env["ADMIN_PASSWORD"])
		}
		responses, errs := make([]*http.Response, clients), make([]error, clients)
		var all sync.WaitGroup
		begin := make(chan struct{})
		for i, customer := range c.customers {
			a := admins[i%instances]
			form := url.Values{"customer": {strconv.FormatInt(customer.ID, 10)}, "driver": {strconv.FormatInt(c.driver.ID, 10)},
				"start": {"Dam 1"}, "destination": {"Schiphol"}, "datetime": {time.Now().Add(time.Hour).Format("2006-01-02T15:04")}}
			all.Go(func() {
				<-begin
				responses[i], errs[i] = a.client.PostForm(a.base+"/createride", form)
			})
		}
		close(begin)
		all.Wait()

		made, depleted := 0, 0
		for i := range clients {
			switch got := receive(t, responses[i], errs[i]); {
			case got.status == http.StatusSeeOther:
				made++
			case got.status == http.StatusConflict && strings.Contains(got.body, masking.PoolEmpty):
				depleted++
			default:
				t.Errorf("client %d: status %d\n%s", i, got.status, got.body)
			}
		}
		if made != numbers || depleted != clients-numbers {
			t.Errorf("%d rides were made and %d refused, want %d and %d", made, depleted, numbers, clients-numbers)
		}
		rides, err := c.store.CurrentRides(context.Background(), clients)
		if err != nil {
			t.Fatal(err)
		}
		taken := map[int64]bool{}
		for _, ride := range rides {
			if taken[ride.Proxy.ID] {
				t.Errorf("%s is the number of two rides of one driver", ride.Proxy.Number.E164())
			}
			taken[ride.Proxy.ID] = true
			for from, to := range map[string]string{
				ride.Driver.Number.E164(): ride.Customer.Number.E164(), ride.Customer.Number.E164(): ride.Driver.Number.E164(),
			} {
				if got := b.callIn(t, from, ride.Proxy.Number.E164()); got.body != transferTo(to) {
					t.Errorf("%s calls %s: got %q, want %q", from, ride.Proxy.Number.E164(), got.body, transferTo(to))
				}
			}
		}
		if len(rides) != made {
			t.Errorf("%d rides are on the list, want the %d that were made", len(rides), made)
		}
	}
	t.Run("sqlite", func(t *testing.T) { race(t, newDatabase(t), 1) })
	t.Run("two instances on postgres", func(t *testing.T) { race(t, storetest.Postgres(t), 2) })
}

// However a carrier writes a caller, it is the same person; and what is no
// number is a stranger, who is answered all the same.
func TestCallers_Odd(t *testing.T) {
	database := newDatabase(t)
	c := newCrowd(t, database, 1, 1)
	b := start(t, database, map[string]string{"ADMIN_PASSWORD": "correct horse"})
	a := signedIn(t, b.base, "correct horse")
	a.ride("Customer 0", "Ben", time.Now().Add(time.Hour))
	call := func(from, to string) answer {
		t.Helper()
		response, err := http.Get(b.base + "/webhook-voice?" + url.Values{"source": {from}, "destination": {to}, "token": {b.token}}.Encode())
		return receive(t, response, err)
	}
	texts := func() (bodies []string) {
		t.Helper()
		rides, err := c.store.CurrentRides(context.Background(), 1)
		if err != nil || len(rides) != 1 {
			t.Fatalf("%d rides, %v", len(rides), err)
		}
		talk, err := c.store.Conversation(context.Background(), rides[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range talk {
			if m.Kind == masking.Relaying && m.To == c.driver.Number {
				bodies = append(bodies, m.Body)
			}
		}
		return bodies
	}
	forms := []string{"447700900000", "+447700900000", "00447700900000", "44 7700 900000", "07700900000", "(07700) 900 000"}
	for i, form := range forms {
		for _, proxy := range []string{"442079460000", "+44 20 7946 0000", "020 7946 0000"} {
			if got := call(form, proxy); got.status != http.StatusOK || got.body != transferTo(c.driver.Number.E164()) {
				t.Errorf("%q calls %q: %d %q", form, proxy, got.status, got.body)
			}
		}
		response, err := http.PostForm(b.base+"/webhook?token="+url.QueryEscape(b.token),
			url.Values{"id": {strconv.Itoa(i)}, "originator": {form}, "recipient": {"442079460000"}, "body": {form}})
		if got := receive(t, response, err); got.status != http.StatusOK {
			t.Errorf("%q texts: %d %q", form, got.status, got.body)
		}
		if got := texts(); len(got) != i+1 || got[i] != form {
			t.Errorf("%q texted, and the driver has %q", form, got)
		}
	}
	for _, caller := range []string{"", "Restricted", "anonymous", "sip:447700900000@example.com", "+", "0", "1008", "٤٤٧٧٠٠٩٠٠٠٠٠"} {
		got := call(caller, "442079460000")
		if got.status != http.StatusOK || !strings.Contains(got.body, masking.SayUnknown) || strings.Contains(got.body, "Transfer") {
			t.Errorf("%q calls: %d %q, want the sentence for strangers", caller, got.status, got.body)
		}
	}
}
