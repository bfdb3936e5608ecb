package masking

import "time"

// SendingStatus says whether texts leave, and why not.
type SendingStatus struct {
	Stopped bool
	Account bool      // the account is at fault: somebody has to act; else the carrier is out of reach
	Reason  string    // in words
	Since   time.Time // when it stopped
	NextTry time.Time // when one message is tried again
}
