package tui

import "time"

// line is how fast the connection to the terminal is. Writing says little: over
// SSH a megabyte is taken at once and shown much later. So a question that every
// terminal answers goes behind each large piece, and the answer tells when the
// terminal has got that far.
type line struct {
	limit int64   // bytes a second that the user allows; 0 none
	rate  float64 // bytes a second lately; 0 unknown

	asked  time.Time // zero: no answer is due
	bytes  int       // written since the question before, as far as it counts
	silent bool      // the terminal does not answer
}

// question is DA1, as old as terminals.
const question = "\x1b[c"

const (
	worthAsking = 4096            // bytes; smaller pieces measure the way, not the width
	patience    = 2 * time.Second // without an answer by then, there is none
	ease        = 0.3             // how far each measurement moves the rate
	perPicture  = 10              // pictures a second to aim for
	leastBudget = 48 << 10        // bytes: of less, it is the way that is long, not the line narrow
)

// ask says whether to put the question behind a piece of so many bytes.
func (l *line) ask(bytes int, now time.Time) bool {
	if l.silent || bytes < worthAsking || !l.asked.IsZero() {
		return false
	}
	l.asked, l.bytes = now, bytes
	return true
}

// answered takes the answer.
func (l *line) answered(now time.Time) {
	if l.asked.IsZero() {
		return
	}
	rate := float64(l.bytes) / max(now.Sub(l.asked).Seconds(), 1e-4)
	if l.rate == 0 {
		l.rate = rate
	}
	l.rate += ease * (rate - l.rate)
	l.asked = time.Time{}
}

// due says whether the terminal has still to take what was sent last.
func (l *line) due(now time.Time) bool {
	if l.asked.IsZero() {
		return false
	}
	if now.Sub(l.asked) > patience {
		l.asked, l.silent = time.Time{}, true
		return false
	}
	return true
}

// budget is how many bytes a picture may have; 0 while nothing is known.
func (l *line) budget() int {
	if l.limit > 0 && (l.rate == 0 || float64(l.limit) < l.rate) {
		return int(l.limit / perPicture)
	}
	if l.rate == 0 {
		return 0
	}
	return max(leastBudget, int(l.rate/perPicture))
}

// worth is how long so many bytes must take under the user's limit.
func (l *line) worth(bytes int) time.Duration {
	if l.limit == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(l.limit) * float64(time.Second))
}
