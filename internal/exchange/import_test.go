package exchange_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"birdcar/internal/store"
	"birdcar/internal/store/storetest"
)

// However many people an import brings, a server has locks for it, and for the others meanwhile.
func TestImport_ManyPeople(t *testing.T) {
	var tutorial store.Tutorial
	for i := range 1500 {
		tutorial.Customers = append(tutorial.Customers, store.TutorialParty{ID: int64(i + 1), Name: "Ada", Number: fmt.Sprintf("+44770090%04d", i)})
	}
	for name, url := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "birdcar.db") },
		"postgres": func(t *testing.T) string { return storetest.URL(storetest.FewLocks(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := storetest.NewClock()
			w := newTown(t, storetest.Open(t, url(t), clock.Now), clock)
			if got, err := w.Import(context.Background(), tutorial); err != nil || got.Customers != len(tutorial.Customers) {
				t.Errorf("%d customers came over, want %d; %v", got.Customers, len(tutorial.Customers), err)
			}
		})
	}
}
