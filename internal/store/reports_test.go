package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// A report that names its message by the carrier's id only finds it among the last million.
func TestByReport_CarrierID(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		ride, err := p.ride(p.ada, p.bob, p.gb1)
		if err != nil {
			t.Fatal(err)
		}
		sent := map[string]int64{}
		send := func(id int64) {
			if id != sent["1023"]+1 {
				p.skip(id - 1)
			}
			p.tx(func(ctx context.Context, tx *store.Tx) error {
				m, err := tx.Enqueue(ctx, store.Unsent{Kind: masking.Confirming, RideID: ride.ID, From: p.gb1.Number, To: p.ada.Number, Body: "Hello"}, time.Minute)
				if err != nil {
					return err
				}
				m.CarrierID = fmt.Sprint(id)
				sent[m.CarrierID] = m.ID
				_, err = tx.MarkSent(ctx, m)
				return err
			})
		}
		find := func(id string, want error) {
			t.Helper()
			p.tx(func(ctx context.Context, tx *store.Tx) error {
				for _, r := range []masking.Report{{CarrierID: id}, {CarrierID: id, Reference: "another program's"}} {
					m, err := tx.ByReport(ctx, r)
					if !errors.Is(err, want) || want == nil && (m.ID != sent[id] || m.CarrierID != id) {
						t.Errorf("%v finds message %d, %v; want %d, %v", r, m.ID, err, sent[id], want)
					}
				}
				return nil
			})
		}
		find("nonesuch", masking.ErrNotFound)
		const part, all = 1024, 1024 * 1024
		send(part - 1)   // the last of the first part
		send(part)       // the first of the second
		send(7*part + 5) // in between
		for id := range sent {
			find(id, nil)
		}
		p.skip(all - 1) // the last that still looks into the first part
		find("1023", nil)
		p.skip(all)
		find("1023", masking.ErrNotFound)
		find("1024", nil)
		find(fmt.Sprint("skip", all), masking.ErrNotFound) // an inbound text
	})
}

// Somebody's live rides are all that connect them, however old, and no others'.
func TestLiveRides(t *testing.T) {
	eachPlace(t, func(t *testing.T, p *place) {
		want := func(who masking.Party, rides ...masking.Ride) {
			t.Helper()
			live, err := p.LiveRides(context.Background(), who.Role, who.ID)
			if err != nil || len(live) != len(rides) {
				t.Fatalf("%s has %d live rides, %v; want %d", who.Name, len(live), err, len(rides))
			}
			for i := range rides {
				if live[i].ID != rides[i].ID {
					t.Errorf("live ride %d of %s is %d, want %d", i, who.Name, live[i].ID, rides[i].ID)
				}
			}
		}
		ride := func(c, d masking.Party, n masking.ProxyNumber) masking.Ride {
			t.Helper()
			r, err := p.ride(c, d, n)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		become := func(r *masking.Ride, state masking.RideState) {
			was := r.State
			r.State = state
			p.tx(func(ctx context.Context, tx *store.Tx) error { return tx.SetRide(ctx, *r, was) })
		}
		want(p.ada)
		first := ride(p.ada, p.bob, p.gb1)
		others := ride(p.eve, p.cy, p.gb1)
		second := ride(p.ada, p.bob, p.gb2)
		want(p.ada, first, second)
		want(p.bob, first, second)
		want(p.eve, others)
		become(&first, masking.Lingering)
		want(p.ada, first, second)
		become(&second, masking.Closed)
		want(p.ada, first)
		become(&first, masking.Closed)
		want(p.ada)
		want(p.eve, others)
		become(&others, masking.Closed)
		want(p.eve)
	})
}
