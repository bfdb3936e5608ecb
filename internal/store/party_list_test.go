package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"birdcar/internal/masking"
	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

func TestListParties(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		ids := map[string]int64{}
		add := func(role masking.Role, name, digits string) {
			p := masking.Party{Role: role, Name: name, Number: number(t, digits)}
			if err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddParty(ctx, &p) }); err != nil {
				t.Fatal(err)
			}
			ids[name] = p.ID
		}
		add(masking.Customer, "bea Miller", "447700900102")
		add(masking.Customer, "Ada Lovelace", "447700900101")
		add(masking.Customer, "Émile Zola", "447700900103")
		add(masking.Customer, "Cy", "61491570006")
		add(masking.Customer, "Gone Girl", "447700900104")
		add(masking.Driver, "Ada Driver", "447700900201")
		err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error {
			return tx.DeleteParty(ctx, masking.Customer, ids["Gone Girl"])
		})
		if err != nil {
			t.Fatal(err)
		}
		for typed, want := range map[string]string{
			"ada":              "Ada Lovelace",
			"LOVE":             "Ada Lovelace",
			"ada mil":          "",
			"mill b":           "bea Miller",
			"émile":            "Émile Zola",
			"ÉMILE":            "Émile Zola",
			"emil":             "Émile Zola",
			"E\u0301mile":      "Émile Zola",
			"girl":             "",
			"lace":             "",
			"07700 900101":     "Ada Lovelace",
			"+44 7700 900102":  "bea Miller",
			"0044 7700 900102": "bea Miller",
			"447700900102":     "bea Miller",
			"0103":             "Émile Zola",
			"zola 0103":        "Émile Zola",
			"zola 0102":        "",
			"61 491 570 006":   "Cy",
			"%":                "Ada Lovelace, bea Miller, Cy, Émile Zola",
		} {
			got, more, err := s.ListParties(ctx, store.PartyList{Role: masking.Customer, Terms: masking.Terms(typed, "GB"), Limit: 10})
			var names []string
			for _, p := range got {
				names = append(names, p.Name)
			}
			if err != nil || more || strings.Join(names, ", ") != want {
				t.Errorf("%q finds %s, %v, %v; want %s", typed, strings.Join(names, ", "), more, err, want)
			}
		}
		if count, err := s.CountParties(ctx, masking.Customer, 100); err != nil || count != 4 {
			t.Errorf("counted %d, %v; want 4", count, err)
		}
		if _, _, err := s.ListParties(ctx, store.PartyList{Role: masking.Customer, After: 999, Limit: 1}); !errors.Is(err, masking.ErrNotFound) {
			t.Errorf("after nobody: got %v, want ErrNotFound", err)
		}
	})
}

func TestListParties_Pages(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store, _ *storetest.Clock) {
		ctx := context.Background()
		const people = 23
		for i := range people {
			p := masking.Party{Role: masking.Driver, Name: fmt.Sprintf("Same %c", 'a'+i%3), Number: number(t, fmt.Sprintf("4477009%05d", i))}
			if err := s.Tx(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddParty(ctx, &p) }); err != nil {
				t.Fatal(err)
			}
		}
		seen, after, last := map[int64]bool{}, int64(0), ""
		for more := true; more; {
			var page []masking.Party
			var err error
			page, more, err = s.ListParties(ctx, store.PartyList{Role: masking.Driver, Terms: masking.Terms("same", "GB"), After: after, Limit: 5})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				if seen[p.ID] || p.Name < last {
					t.Errorf("%s %d comes twice or after %s", p.Name, p.ID, last)
				}
				seen[p.ID], after, last = true, p.ID, p.Name
			}
		}
		if len(seen) != people {
			t.Errorf("the pages show %d people, want %d", len(seen), people)
		}
	})
}
