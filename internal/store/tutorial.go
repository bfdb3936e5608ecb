package store

import (
	"context"
	"fmt"
	"os"
)

// Tutorial is what a tutorial's database holds, as it holds it.
type Tutorial struct {
	Customers, Drivers []TutorialParty
	Numbers            []TutorialNumber
	Rides              []TutorialRide
}

// TutorialParty is a row of a tutorial's customers or drivers.
type TutorialParty struct {
	ID           int64
	Name, Number string
}

// TutorialNumber is a row of a tutorial's proxy_numbers.
type TutorialNumber struct {
	ID     int64
	Number string
}

// TutorialRide is a row of a tutorial's rides. An id of 0 was NULL.
type TutorialRide struct {
	ID, CustomerID, DriverID, NumberID int64
	Start, Destination, Datetime       string
}

// ReadTutorial reads the SQLite file that one of the MessageBird tutorials' sample
// applications made, without changing it.
func ReadTutorial(ctx context.Context, path string) (t Tutorial, err error) {
	if _, err := os.Stat(path); err != nil {
		return t, err
	}
	if tables, err := fileTables(ctx, path); err == nil && isOurs(tables) {
		return t, fmt.Errorf("%s is BirdCar's own database; use copy: birdcar copy --from %[1]s --to URL", path)
	}
	db, err := openFile(visitorDSN, path, 1)
	if err != nil {
		return t, err
	}
	defer db.Close()
	q := querier{db, &sqliteEngine, nil}
	party := func(row scanner) (p TutorialParty, err error) { return p, row.Scan(&p.ID, &p.Name, &p.Number) }
	const columns = "SELECT id, COALESCE(CAST(name AS TEXT), ''), COALESCE(CAST(number AS TEXT), '') FROM "
	t.Customers, err = list(ctx, q, party, columns+"customers ORDER BY id")
	if err == nil {
		t.Drivers, err = list(ctx, q, party, columns+"drivers ORDER BY id")
	}
	if err == nil {
		t.Numbers, err = list(ctx, q, func(row scanner) (n TutorialNumber, err error) { return n, row.Scan(&n.ID, &n.Number) },
			"SELECT id, COALESCE(CAST(number AS TEXT), '') FROM proxy_numbers ORDER BY id")
	}
	if err == nil {
		t.Rides, err = list(ctx, q, func(row scanner) (r TutorialRide, err error) {
			return r, row.Scan(&r.ID, &r.Start, &r.Destination, &r.Datetime, &r.CustomerID, &r.DriverID, &r.NumberID)
		}, `SELECT id, COALESCE(CAST(start AS TEXT), ''), COALESCE(CAST(destination AS TEXT), ''), COALESCE(CAST(datetime AS TEXT), ''),
			COALESCE(customer_id, 0), COALESCE(driver_id, 0), COALESCE(number_id, 0) FROM rides ORDER BY id`)
	}
	if err != nil {
		return t, fmt.Errorf("%s is not a database of the tutorials: %w", path, err)
	}
	return t, nil
}
