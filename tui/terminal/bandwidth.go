package terminal

import "time"

// bandwidth measures how fast the connection to the terminal is. The time that a write takes says little: over SSH a
// megabyte is accepted at once and shown much later. So a query that every terminal answers is sent after each large
// piece of output, and the answer tells when the terminal has processed everything before it.
type bandwidth struct {
	limit int64         // bytes per second that the user allows; 0 is no limit
	rtt   time.Duration // round-trip time of a query by itself; 0 is unknown
	cost  float64       // seconds per byte beyond the round trip, a moving average; 0 is unknown
	last  float64       // the same, of the last measurement

	asked  time.Time // when the query was sent; zero while no answer is pending
	bytes  int       // size of the piece before the query
	silent bool      // the terminal does not answer
}

// query is the primary device attributes request (DA1), which every terminal answers.
const query = "\x1b[c"

const (
	leastMeasured = 4096             // bytes; smaller pieces measure the round trip, not the bandwidth
	firstTimeout  = 2 * time.Second  // for the first answer; a terminal that misses it is taken to be silent
	laterTimeout  = 30 * time.Second // for a terminal that has answered before
	smoothing     = 0.3              // weight of a new measurement in the moving average

	sequenceTime = 100 * time.Millisecond // what an image may take while others follow
	stillTime    = time.Second            // what an image may take when no other follows
	leastBudget  = 12 << 10               // bytes; a smaller image shows nothing useful

	remoteRTT   = 20 * time.Millisecond // from this round-trip time on, the terminal is taken to be on another machine
	remoteScale = 0.35                  // side of the first image on a remote terminal, relative to the room for it
)

// ask reports whether to send the query after a piece of so many bytes.
func (b *bandwidth) ask(bytes int, now time.Time) bool {
	if b.silent || bytes < leastMeasured || !b.asked.IsZero() {
		return false
	}
	b.asked, b.bytes = now, bytes
	return true
}

// answered records that the answer has arrived.
func (b *bandwidth) answered(now time.Time) {
	if b.asked.IsZero() {
		return
	}
	took := now.Sub(b.asked)
	b.rtt = min(b.rtt, took)
	cost := max((took-b.rtt).Seconds(), 1e-4) / float64(b.bytes)
	if b.last = cost; b.cost == 0 {
		b.cost = cost
	}
	b.cost += smoothing * (cost - b.cost)
	b.asked = time.Time{}
}

// pending reports whether the terminal has yet to answer. It gives up on one that takes too long.
func (b *bandwidth) pending(now time.Time) bool {
	if b.asked.IsZero() {
		return false
	}
	timeout := firstTimeout
	if b.rtt > 0 || b.cost > 0 {
		timeout = laterTimeout
	}
	if now.Sub(b.asked) > timeout {
		b.asked, b.silent = time.Time{}, true
		return false
	}
	return true
}

// sequenceBudget is the largest image in bytes while others follow; 0 while nothing is known.
func (b *bandwidth) sequenceBudget() int { return b.budget(sequenceTime, b.cost) }

// stillBudget is the largest image in bytes when no other follows. The connection is then less busy than the moving
// average says, so only the last measurement counts.
func (b *bandwidth) stillBudget() int { return b.budget(stillTime, b.last) }

// budget is how many bytes, at cost seconds each, the connection carries within a time, or within the round-trip time
// where that is longer.
func (b *bandwidth) budget(within time.Duration, cost float64) int {
	limit := int(float64(b.limit) * within.Seconds())
	if cost == 0 {
		return limit
	}
	budget := max(leastBudget, int(max(within, b.rtt).Seconds()/cost))
	if limit > 0 {
		budget = min(limit, budget)
	}
	return budget
}

// firstScale is the scale of the first image: a full-size one may block a slow remote connection for seconds.
func (b *bandwidth) firstScale() float64 {
	if b.rtt >= remoteRTT {
		return remoteScale
	}
	return 1
}

// atLimit is the time that so many bytes must take under the user's limit.
func (b *bandwidth) atLimit(bytes int) time.Duration {
	if b.limit == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(b.limit) * float64(time.Second))
}
