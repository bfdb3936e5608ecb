package main

import (
	"context"

	"birdcar/internal/exchange"
	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Sample numbers are from the range that Ofcom keeps free for drama, +44 7700 900xxx.
var (
	sampleCustomers = [][2]string{
		{"Caitlyn Carless", "+44 7700 900101"}, {"Danny Bikes", "+44 7700 900102"}, {"Farah Walker", "+44 7700 900103"},
	}
	sampleDrivers = [][2]string{
		{"David Driver", "+44 7700 900201"}, {"Eileen LaRue", "+44 7700 900202"}, {"Gus Wheeler", "+44 7700 900203"},
	}
	samplePool = []string{"+44 7700 900901", "+44 7700 900902", "+44 7700 900903"}
)

// addSamples gives an empty database somebody to play with.
func addSamples(ctx context.Context, s *store.Store, x *exchange.Exchange) error {
	if empty, err := s.Empty(ctx); err != nil || !empty {
		return err
	}
	for _, number := range samplePool {
		if _, err := x.AddNumber(ctx, number); err != nil {
			return err
		}
	}
	for role, people := range map[masking.Role][][2]string{masking.Customer: sampleCustomers, masking.Driver: sampleDrivers} {
		for _, p := range people {
			if _, err := x.AddParty(ctx, role, p[0], p[1]); err != nil {
				return err
			}
		}
	}
	return nil
}
