package exchange

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"birdcar/internal/masking"
	"birdcar/internal/store"
)

// Imported counts what came over from a tutorial's database, and says of each row
// that did not why.
type Imported struct {
	Customers, Drivers, Numbers, Rides int
	Known                              int      // rows that were here already
	Refused                            []string // "ride 3: its customer was refused"
}

// Import copies a tutorial's customers, drivers, proxy numbers and rides, all in
// one transaction, with numbers in E.164. It texts nobody. Rides whose time is
// not long over connect their parties as if made here; the others come over
// as closed, so that their numbers count as used. The same file again changes nothing.
// With PostgreSQL nobody else can add to the lists or the pool meanwhile.
// Once ctx ends it imports nothing and returns ctx's error.
func (x *Exchange) Import(ctx context.Context, t store.Tutorial) (Imported, error) {
	var result Imported
	stopped := ctx.Err // the transaction's own ctx goes on
	err := x.txIn(ctx, x.Store.LongTx, func(ctx context.Context, tx *store.Tx, b *batch) error {
		in := importing{x: x, tx: tx, b: b,
			parties: map[masking.Role]map[int64]masking.Party{masking.Customer: {}, masking.Driver: {}},
			numbers: map[int64]masking.ProxyNumber{},
		}
		if err := tx.LockLists(ctx); err != nil {
			return err
		}
		for _, row := range t.Numbers {
			if err := cmp.Or(stopped(), in.number(ctx, row)); err != nil {
				return err
			}
		}
		for _, row := range t.Customers {
			if err := cmp.Or(stopped(), in.party(ctx, masking.Customer, row, &in.Customers)); err != nil {
				return err
			}
		}
		for _, row := range t.Drivers {
			if err := cmp.Or(stopped(), in.party(ctx, masking.Driver, row, &in.Drivers)); err != nil {
				return err
			}
		}
		for _, row := range t.Rides {
			if err := cmp.Or(stopped(), in.ride(ctx, row)); err != nil {
				return err
			}
		}
		result = in.Imported
		return nil
	})
	return result, err
}

// importing is an import under way: what each of the tutorial's ids became.
type importing struct {
	Imported
	x       *Exchange
	tx      *store.Tx
	b       *batch
	parties map[masking.Role]map[int64]masking.Party
	numbers map[int64]masking.ProxyNumber
}

func (in *importing) refuse(what string, id int64, why string) {
	in.Refused = append(in.Refused, fmt.Sprintf("%s %d: %s", what, id, why))
}

func (in *importing) number(ctx context.Context, row store.TutorialNumber) error {
	n, err := masking.ParseNumber(row.Number, in.x.Country)
	if err != nil {
		in.refuse("proxy number", row.ID, "its number is not a phone number")
		return nil
	}
	known, err := in.tx.FindProxy(ctx, n)
	if !errors.Is(err, masking.ErrNotFound) {
		in.numbers[row.ID] = known
		in.Known++
		return err
	}
	if is, err := in.tx.IsParty(ctx, n); err != nil {
		return err
	} else if is {
		in.refuse("proxy number", row.ID, "it is a customer's or driver's own number")
		return nil
	}
	in.numbers[row.ID], err = in.tx.AddProxyNumber(ctx, n)
	in.Numbers++
	return err
}

func (in *importing) party(ctx context.Context, role masking.Role, row store.TutorialParty, count *int) error {
	p := masking.Party{Role: role, Name: masking.CleanLine(row.Name)}
	var err error
	if p.Number, err = masking.ParseNumber(row.Number, in.x.Country); err != nil {
		in.refuse(string(role), row.ID, "its number is not a phone number")
		return nil
	}
	if problem := masking.CheckName(p.Name); problem != "" {
		in.refuse(string(role), row.ID, "its name: "+problem)
		return nil
	}
	if pool, err := in.tx.InPool(ctx, p.Number); err != nil {
		return err
	} else if pool {
		in.refuse(string(role), row.ID, "its number is one of the proxy numbers")
		return nil
	}
	known, err := in.tx.FindParty(ctx, p)
	if !errors.Is(err, masking.ErrNotFound) {
		in.parties[role][row.ID] = known
		in.Known++
		return err
	}
	err = in.tx.AddParty(ctx, &p)
	in.parties[role][row.ID] = p
	*count++
	return err
}

func (in *importing) ride(ctx context.Context, row store.TutorialRide) error {
	ride := masking.Ride{Start: masking.CleanLine(row.Start), Destination: masking.CleanLine(row.Destination)}
	var haveCustomer, haveDriver, haveNumber bool
	ride.Customer, haveCustomer = in.parties[masking.Customer][row.CustomerID]
	ride.Driver, haveDriver = in.parties[masking.Driver][row.DriverID]
	ride.Proxy, haveNumber = in.numbers[row.NumberID]
	var readable bool
	ride.At, readable = readTime(row.Datetime, in.x.Zone, in.x.Country)
	switch {
	case !haveCustomer:
		in.refuse("ride", row.ID, "its customer did not come over")
	case !haveDriver:
		in.refuse("ride", row.ID, "its driver did not come over")
	case !haveNumber:
		in.refuse("ride", row.ID, "its proxy number did not come over")
	case ride.Customer.Number == ride.Driver.Number:
		in.refuse("ride", row.ID, "its customer and driver have the same phone number")
	case !readable:
		in.refuse("ride", row.ID, "its date and time cannot be read; want a form like 2026-11-30 18:05")
	default:
		return in.addRide(ctx, row.ID, ride)
	}
	return nil
}

func (in *importing) addRide(ctx context.Context, rowID int64, ride masking.Ride) error {
	if known, err := in.tx.HasRide(ctx, ride); err != nil {
		return err
	} else if known {
		in.Known++
		return nil
	}
	ride.Due = ride.At.Add(in.x.RideLimit)
	if ride.Proxy.State == masking.Retired && ride.Due.After(in.tx.Now) {
		in.refuse("ride", rowID, "its proxy number is retired here")
		return nil
	}
	for _, party := range []masking.Number{ride.Customer.Number, ride.Driver.Number} {
		_, err := in.tx.Route(ctx, ride.Proxy.Number, party)
		if err == nil {
			in.refuse("ride", rowID, "another current ride of the same person has its number")
			return nil
		} else if !errors.Is(err, masking.ErrNotFound) {
			return err
		}
	}
	if err := in.tx.AddRide(ctx, &ride); err != nil {
		return err
	}
	in.Rides++
	if ride.Due.After(in.tx.Now) {
		return nil
	}
	if err := in.x.linger(ctx, in.tx, in.b, &ride, ride.Due); err != nil {
		return err
	}
	return in.x.close(ctx, in.tx, in.b, &ride)
}

// timeForms are how people typed a date and time into the tutorials' text field.
var timeForms = []string{
	"2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
	"2 Jan 2006 15:04", "2 January 2006 15:04", "Jan 2, 2006 15:04", "January 2, 2006 15:04", "2006-01-02",
}

// Dates in figures, and the countries that write the month of one first: those whose short
// dates do in Unicode's CLDR 48 (en-US, en-GU, es-PA, fil-PH and so on).
var (
	dayFirst     = []string{"2-1-2006 15:04", "2/1/2006 15:04", "2.1.2006 15:04"}
	monthFirst   = []string{"1-2-2006 15:04", "1/2/2006 15:04", "1.2.2006 15:04"}
	monthFirstIn = []string{"AS", "GU", "MH", "MP", "PA", "PH", "PR", "US", "VI"}
)

func readTime(s string, zone *time.Location, country string) (time.Time, bool) {
	s = masking.CleanLine(s)
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, true
	}
	figures := dayFirst
	if slices.Contains(monthFirstIn, country) {
		figures = monthFirst
	}
	for _, form := range slices.Concat(timeForms, figures) {
		if at, err := time.ParseInLocation(form, s, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}
