package simulator

import (
	"net/http"
	"strconv"
)

// owned are the numbers of the simulator's account, from the range that Ofcom
// keeps free for drama, +44 20 7946 0xxx.
var owned = []string{"442079460901", "442079460902", "442079460903", "442079460904", "442079460905"}

// listNumbers is MessageBird's API for the numbers of an account, as its Go SDK
// reads it.
func (s *Simulator) listNumbers(w http.ResponseWriter, r *http.Request) {
	offset, limit := 0, 20
	if n, err := strconv.Atoi(r.URL.Query().Get("offset")); err == nil && n > 0 {
		offset = n
	}
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && n > 0 {
		limit = n
	}
	type item struct {
		Number   string   `json:"number"`
		Country  string   `json:"country"`
		Features []string `json:"features"`
		Type     string   `json:"type"`
		Status   string   `json:"status"`
	}
	items := []item{}
	for i := offset; i < min(len(owned), offset+limit); i++ {
		items = append(items, item{owned[i], "GB", []string{"sms", "voice"}, "landline", "active"})
	}
	answer(w, http.StatusOK, map[string]any{
		"offset": offset, "limit": limit, "count": len(items), "totalCount": len(owned), "items": items,
	})
}
