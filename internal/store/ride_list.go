package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"birdcar/internal/masking"
)

// RideFilter says which rides a list holds; the zero filter: all.
type RideFilter struct {
	Terms       []masking.Term // each is met by a name, a place or a number of the ride
	State       masking.RideState
	From, Until time.Time // the ride's time; Until is not part of it. Both or none
}

// RideKey is where a ride stands in a list: rides are in the order of their ids,
// and those of one day, unless searched, in the order of their times.
type RideKey struct {
	At int64 // Unix milliseconds; 0 where ids are the order
	ID int64
}

// Span says which part of a list is wanted. Lists begin with the newest.
type Span struct {
	Key   RideKey // what the part lies beyond; zero: the list's end that it is read from
	Newer bool    // towards newer ones, from the oldest if Key is zero
	Limit int
}

// RidePage is a part of a list, newest first.
type RidePage struct {
	Rides []masking.Ride
	More  bool    // there may be more in the direction that was read
	Next  RideKey // what those lie beyond
	// Wide says that a term is met by more people, numbers or words of places
	// than a search looks at.
	Wide bool
	// Tired says that the search stopped before the page was full, after looking
	// at Next: what it looked for is rare among what it found.
	Tired bool
}

// RideList is a part of the list of rides that meet a filter. What it costs does
// not grow with the number of rides.
func (r reads) RideList(ctx context.Context, f RideFilter, s Span) (RidePage, error) {
	if len(f.Terms) > 0 {
		return r.searchRides(ctx, f, s)
	}
	rides, err := r.browseRides(ctx, f, s)
	page := RidePage{Rides: rides}
	if len(rides) > s.Limit {
		page.Rides, page.More = rides[:s.Limit], true
	}
	return page.arranged(f, s), err
}

// arranged puts the rides newest first and notes where they end.
func (p RidePage) arranged(f RideFilter, s Span) RidePage {
	if n := len(p.Rides); n > 0 && !p.Tired {
		p.Next = f.Key(p.Rides[n-1])
	}
	if s.Newer {
		slices.Reverse(p.Rides)
	}
	return p
}

// Key is where a ride stands in the filter's list.
func (f RideFilter) Key(r masking.Ride) RideKey {
	if f.byTime() {
		return RideKey{At: r.At.UnixMilli(), ID: r.ID}
	}
	return RideKey{ID: r.ID}
}

func (f RideFilter) byTime() bool { return !f.From.IsZero() && len(f.Terms) == 0 }

// browseRides reads one ride more than wanted, in the direction of the span.
// Each filter has an index in the order of its list.
func (r reads) browseRides(ctx context.Context, f RideFilter, s Span) ([]masking.Ride, error) {
	var where []string
	var args arguments
	arg := args.add
	if f.State != "" {
		where = append(where, "r.state = "+arg(f.State))
	}
	compare, direction := " < ", " DESC"
	if s.Newer {
		compare, direction = " > ", ""
	}
	order := "r.id" + direction
	going := s.Key != RideKey{}
	switch {
	case f.byTime():
		order = "r.datetime" + direction + ", r.id" + direction
		// The key takes the place of the bound on its side: with both, SQLite would
		// begin at the bound and read up to the key.
		if !going || !s.Newer {
			where = append(where, "r.datetime >= "+arg(ms(f.From)))
		}
		if !going || s.Newer {
			where = append(where, "r.datetime < "+arg(ms(f.Until)))
		}
		if going {
			at := min(max(s.Key.At, ms(f.From)-1), ms(f.Until)) // addresses may say anything
			where = append(where, "(r.datetime, r.id)"+compare+"("+arg(at)+", "+arg(s.Key.ID)+")")
		}
	case going:
		where = append(where, "r.id"+compare+arg(s.Key.ID))
	}
	query := selectRide
	if len(where) > 0 {
		query += "WHERE " + strings.Join(where, " AND ")
	}
	return list(ctx, r.querier, scanRide, query+" ORDER BY "+order+" LIMIT "+arg(s.Limit+1), args...)
}

const (
	widest  = 50   // people, numbers or words that meet a term: more are not looked at
	longest = 1000 // rides that one page of a search looks at
)

// searchRides follows the term that fewest rides meet, and looks at each of those
// for the rest of the filter.
func (r reads) searchRides(ctx context.Context, f RideFilter, s Span) (RidePage, error) {
	var page RidePage
	piece := s.Limit + 1
	strands, ids, err := r.rarest(ctx, f, s, piece, &page)
	if err != nil {
		return page, err
	}
	for looked := 0; ; {
		var rides map[int64]masking.Ride
		for i, id := range ids {
			if i%atATime == 0 {
				if rides, err = r.ridesOf(ctx, ids[i:min(i+atATime, len(ids))]); err != nil {
					return page, err
				}
			}
			if ride := rides[id]; f.meets(ride) {
				page.Rides = append(page.Rides, ride)
			}
			looked++
			switch {
			case len(page.Rides) > s.Limit:
				page.Rides, page.More = page.Rides[:s.Limit], true
				return page.arranged(f, s), nil
			case looked == longest:
				page.More, page.Tired, page.Next = true, true, RideKey{ID: id}
				return page.arranged(f, s), nil
			}
		}
		if len(ids) < piece {
			return page.arranged(f, s), nil
		}
		beyond := ids[len(ids)-1]
		piece *= 2
		if ids, err = r.candidates(ctx, strands, beyond, s.Newer, piece); err != nil {
			return page, err
		}
	}
}

// atATime is how many rides one question asks for.
const atATime = 50

var selectRides = selectRide + "WHERE r.id IN " + places(1, atATime, 1)

// ridesOf are the rides with these ids, atATime at most.
func (r reads) ridesOf(ctx context.Context, ids []int64) (map[int64]masking.Ride, error) {
	args := make([]any, atATime)
	for i := range args {
		args[i] = ids[min(i, len(ids)-1)] // the text is the same for any number of them
	}
	list, err := list(ctx, r.querier, scanRide, selectRides, args...)
	rides := make(map[int64]masking.Ride, len(list))
	for _, ride := range list {
		rides[ride.ID] = ride
	}
	return rides, err
}

func (f RideFilter) meets(r masking.Ride) bool {
	words := masking.Words(r.Customer.Name, r.Driver.Name, r.Start, r.Destination)
	for _, t := range f.Terms {
		if !t.Meets(words, r.Customer.Number, r.Driver.Number, r.Proxy.Number) {
			return false
		}
	}
	return (f.State == "" || r.State == f.State) &&
		(f.From.IsZero() || !r.At.Before(f.From) && r.At.Before(f.Until))
}

// strand is a list of ride ids that an index holds in their order.
type strand struct {
	from string // and where, with the key as $1
	key  any
}

// rarest are the strands of the term that is met by the fewest rides from here,
// with the first piece of their ids: of equally long pieces of two lists, the
// longer way through the ids is that of the rarer one.
func (r reads) rarest(ctx context.Context, f RideFilter, s Span, piece int, page *RidePage) (best []strand, first []int64, err error) {
	for i, t := range f.Terms {
		strands, wide, err := r.strands(ctx, t)
		if err != nil {
			return nil, nil, err
		}
		page.Wide = page.Wide || wide
		ids, err := r.candidates(ctx, strands, s.Key.ID, s.Newer, piece)
		if err != nil {
			return nil, nil, err
		}
		if i == 0 || len(ids) < len(first) || len(ids) == len(first) && reach(ids) > reach(first) {
			best, first = strands, ids
		}
	}
	return best, first, nil
}

func reach(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	way := ids[len(ids)-1] - ids[0]
	return max(way, -way)
}

// strands are all lists of rides that meet a term. wide: there were too many.
func (r reads) strands(ctx context.Context, t masking.Term) (strands []strand, wide bool, err error) {
	add := func(from string, ids []int64) {
		wide = wide || len(ids) == widest
		for _, id := range ids {
			strands = append(strands, strand{from, id})
		}
	}
	about := func(about, prefix, from string) error {
		ids, err := r.withPrefix(ctx, about, prefix, widest)
		add(from, ids)
		return err
	}
	const ofCustomer, ofDriver = "rides WHERE customer_id = $1", "rides WHERE driver_id = $1"
	if t.Word != "" {
		if err := about(ofName(masking.Customer), t.Word, ofCustomer); err != nil {
			return nil, false, err
		}
		if err := about(ofName(masking.Driver), t.Word, ofDriver); err != nil {
			return nil, false, err
		}
		words, err := r.wordsWithPrefix(ctx, ofPlaces, t.Word, widest)
		if err != nil {
			return nil, false, err
		}
		wide = wide || len(words) == widest
		for _, w := range words {
			strands = append(strands, strand{"words WHERE about = '" + ofPlaces + "' AND word = $1", w})
		}
	}
	for _, ending := range t.Endings {
		ending = backwards(ending)
		if err := about(ofNumber(masking.Customer), ending, ofCustomer); err != nil {
			return nil, false, err
		}
		if err := about(ofNumber(masking.Driver), ending, ofDriver); err != nil {
			return nil, false, err
		}
		if err := about(ofProxyNumber, ending, "rides WHERE number_id = $1"); err != nil {
			return nil, false, err
		}
	}
	return strands, wide, nil
}

// candidates are the next ride ids of strands beyond an id (0: from the list's
// end), each once, piece at most. Fewer: there are no more.
func (r reads) candidates(ctx context.Context, strands []strand, beyond int64, newer bool, piece int) ([]int64, error) {
	tail := " AND id > $2 ORDER BY id LIMIT $3"
	if !newer {
		tail = " AND id < $2 ORDER BY id DESC LIMIT $3"
		beyond = below(beyond)
	}
	var all []int64
	for _, strand := range strands {
		ids, err := list(ctx, r.querier, scanID, "SELECT id FROM "+strand.from+tail, strand.key, beyond, piece)
		if err != nil {
			return nil, err
		}
		all = append(all, ids...)
	}
	slices.Sort(all)
	if !newer {
		slices.Reverse(all)
	}
	all = slices.Compact(all)
	return all[:min(len(all), piece)], nil
}
