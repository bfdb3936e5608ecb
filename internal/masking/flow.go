package masking

import "time"

// TextMinute is what became of texts in a minute, whenever they had been written:
// one that was sent and delivered in it counts twice.
type TextMinute struct {
	At                      time.Time // when the minute began
	Sent, Delivered, Failed int64
}

// Waiting is how many texts are on their way to the carrier.
type Waiting struct {
	Texts  int
	More   bool      // than were counted
	Oldest time.Time // when the longest waiting of those counted was written; zero: none waits
}
