package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// platform is a day of four people's rides: ride i at Start plus i hours, the
// first half of them closed.
func platform(t *testing.T, s *store.Store, rides int) {
	t.Helper()
	ctx := context.Background()
	err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
		pool := make([]masking.ProxyNumber, 2)
		var err error
		for i := range pool {
			if pool[i], err = tx.AddProxyNumber(ctx, number(t, fmt.Sprintf("+4420794600%02d", i))); err != nil {
				return err
			}
		}
		people := []masking.Party{
			{Role: masking.Customer, Name: "Caitlyn Carless", Number: number(t, "+447700900101")},
			{Role: masking.Customer, Name: "Zoë Walker", Number: number(t, "+447700900102")},
			{Role: masking.Driver, Name: "David Driver", Number: number(t, "+447700900201")},
			{Role: masking.Driver, Name: "Carla Wheeler", Number: number(t, "+447700900202")},
		}
		for i := range people {
			if err := tx.AddParty(ctx, &people[i]); err != nil {
				return err
			}
		}
		for i := range rides {
			r := masking.Ride{Customer: people[i%2], Driver: people[2+i/2%2], Proxy: pool[i%2], Start: fmt.Sprintf("Dam %d", i), Destination: "Schiphol",
				At: storetest.Start.Add(time.Duration(i) * time.Hour)}
			if err := tx.AddRide(ctx, &r); err != nil {
				return err
			}
			if err := tx.ReleaseRoutes(ctx, r.ID); err != nil {
				return err
			}
			if i < rides/2 {
				r.State = masking.Closed
				if err := tx.SetRide(ctx, r, masking.Open); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func ids(rides []masking.Ride) []int64 {
	var ids []int64
	for _, r := range rides {
		ids = append(ids, r.ID)
	}
	return ids
}

// Every filter's list, read from either end page by page, is what a look at all
// rides finds.
func TestStore_RideList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		const rides = 40
		platform(t, s, rides)
		all, err := s.RideList(context.Background(), store.RideFilter{}, store.Span{Limit: 100})
		if err != nil || len(all.Rides) != rides || all.More {
			t.Fatalf("%d rides, more: %t (%v)", len(all.Rides), all.More, err)
		}
		day := func(f store.RideFilter) store.RideFilter {
			f.From, f.Until = storetest.Start.Add(5*time.Hour), storetest.Start.Add(29*time.Hour)
			return f
		}
		search := func(typed string) store.RideFilter { return store.RideFilter{Terms: masking.Terms(typed, "GB")} }
		closed := func(f store.RideFilter) store.RideFilter { f.State = masking.Closed; return f }
		for name, test := range map[string]struct {
			filter store.RideFilter
			want   func(i int) bool // i: the ride's place in the platform
		}{
			"all":                         {store.RideFilter{}, func(int) bool { return true }},
			"closed":                      {closed(store.RideFilter{}), func(i int) bool { return i < rides/2 }},
			"a day":                       {day(store.RideFilter{}), func(i int) bool { return i >= 5 && i < 29 }},
			"closed on a day":             {closed(day(store.RideFilter{})), func(i int) bool { return i >= 5 && i < rides/2 }},
			"a customer's last name":      {search("carless"), func(i int) bool { return i%2 == 0 }},
			"a driver's first name":       {search("DAVID"), func(i int) bool { return i/2%2 == 0 }},
			"the beginning of both":       {search("car"), func(i int) bool { return i%2 == 0 || i/2%2 == 1 }},
			"an accent":                   {search("zoë"), func(i int) bool { return i%2 == 1 }},
			"an accent that is not typed": {search("zoe"), func(i int) bool { return i%2 == 1 }},
			"two people":                  {search("Zoë David"), func(i int) bool { return i%2 == 1 && i/2%2 == 0 }},
			"a place":                     {search("schiphol"), func(int) bool { return true }},
			"a place of many, one ride":   {search("dam 7"), func(i int) bool { return i == 7 }},
			"a national number":           {search("07700 900102"), func(i int) bool { return i%2 == 1 }},
			"an international number":     {search("+44 7700 900102"), func(i int) bool { return i%2 == 1 }},
			"the last digits":             {search("0202"), func(i int) bool { return i/2%2 == 1 }},
			"a proxy number":              {search("020 7946 0001"), func(i int) bool { return i%2 == 1 }},
			"a name, closed, on a day":    {closed(day(search("carless"))), func(i int) bool { return i%2 == 0 && i >= 5 && i < rides/2 }},
			"nobody":                      {search("nobody"), func(int) bool { return false }},
			"somebody who was not there":  {search("schiphol nobody"), func(int) bool { return false }},
			"a number that nobody has":    {search("+44 7700 900999"), func(int) bool { return false }},
			"what would be a wildcard":    {search("%"), func(int) bool { return true }}, // no word at all
			"a number with another start": {search("+31 7700 900102"), func(int) bool { return false }},
		} {
			t.Run(name, func(t *testing.T) {
				var want []int64
				for _, r := range all.Rides {
					if i := int(r.At.Sub(storetest.Start) / time.Hour); test.want(i) {
						want = append(want, r.ID)
					}
				}
				for _, newer := range []bool{false, true} {
					var got []int64
					span := store.Span{Newer: newer, Limit: 7}
					for page := (store.RidePage{More: true}); page.More; span.Key = page.Next {
						if page, err = s.RideList(context.Background(), test.filter, span); err != nil {
							t.Fatal(err)
						}
						if newer {
							got = append(ids(page.Rides), got...)
						} else {
							got = append(got, ids(page.Rides)...)
						}
						if len(page.Rides) > 7 || page.Wide || page.Tired {
							t.Errorf("a page of %d, wide: %t, tired: %t", len(page.Rides), page.Wide, page.Tired)
						}
					}
					if !slices.Equal(got, want) {
						t.Errorf("read towards newer: %t: got %v, want %v", newer, got, want)
					}
				}
			})
		}
	})
}

// A search that looks at much and finds little says where it stopped, and going
// on from there finds the rest.
func TestStore_RideList_tired(t *testing.T) {
	s := storetest.Open(t, t.TempDir()+"/birdcar.db", storetest.NewClock().Now)
	platform(t, s, 2100)
	filter := store.RideFilter{Terms: masking.Terms("schiphol", "GB"), From: storetest.Start, Until: storetest.Start.Add(time.Hour)}
	var span store.Span
	span.Limit = 10
	for pages := 1; ; pages++ {
		page, err := s.RideList(context.Background(), filter, span)
		if err != nil {
			t.Fatal(err)
		}
		if !page.Tired {
			if len(page.Rides) != 1 || page.Rides[0].Start != "Dam 0" || pages != 3 {
				t.Errorf("found %v after %d pages, want the oldest ride on the third", page.Rides, pages)
			}
			return
		}
		span.Key = page.Next
	}
}

// What people are called now and what they were called then: the list goes by now.
func TestStore_RideList_renamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		platform(t, s, 4)
		parties, err := s.Parties(ctx, masking.Customer)
		if err != nil {
			t.Fatal(err)
		}
		carless := parties[0]
		was := carless.Number
		carless.Name, carless.Number = "Cat Careful", number(t, "+447700900109")
		if err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetParty(ctx, carless, was) }); err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]int{"carless": 0, "0101": 0, "careful": 2, "0109": 2} {
			page, err := s.RideList(ctx, store.RideFilter{Terms: masking.Terms(typed, "GB")}, store.Span{Limit: 10})
			if err != nil || len(page.Rides) != want {
				t.Errorf("%q finds %d rides (%v), want %d", typed, len(page.Rides), err, want)
			}
		}
	})
}
