package tui

import "time"

// line is how fast the connection to the terminal is. Writing says little: over
// SSH a megabyte is taken at once and shown much later. So a question that every
// terminal answers goes behind each large piece, and the answer tells when the
// terminal has got that far.
type line struct {
	limit int64         // bytes a second that the user allows; 0 none
	way   time.Duration // that a question by itself takes, there and back; 0 unknown
	cost  float64       // seconds that a byte takes lately, beyond the way; 0 unknown
	last  float64       // and took the last time

	asked  time.Time // zero: no answer is due
	bytes  int       // written since the question before, as far as it counts
	silent bool      // the terminal does not answer
}

// question is DA1, as old as terminals.
const question = "\x1b[c"

const (
	worthAsking = 4096             // bytes; smaller pieces measure the way, not the width
	patience    = 2 * time.Second  // without an answer by then, there is none
	long        = 30 * time.Second // patience with a terminal that has answered before
	ease        = 0.3              // how far each measurement moves the cost

	among       = 100 * time.Millisecond // that a picture may take among others
	alone       = time.Second            // and when no other comes
	leastBudget = 12 << 10               // bytes: of less, nothing can be seen

	far      = 20 * time.Millisecond // of a way: the terminal is on another machine
	farFirst = 0.35                  // the share of its sides of the first picture there
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
	took := now.Sub(l.asked)
	l.way = min(l.way, took)
	cost := max((took-l.way).Seconds(), 1e-4) / float64(l.bytes)
	if l.last = cost; l.cost == 0 {
		l.cost = cost
	}
	l.cost += ease * (cost - l.cost)
	l.asked = time.Time{}
}

// due says whether the terminal has still to take what was sent last.
func (l *line) due(now time.Time) bool {
	if l.asked.IsZero() {
		return false
	}
	wait := patience
	if l.way > 0 || l.cost > 0 {
		wait = long
	}
	if now.Sub(l.asked) > wait {
		l.asked, l.silent = time.Time{}, true
		return false
	}
	return true
}

// budget is how many bytes a picture may have among others; 0 while nothing is known.
func (l *line) budget() int { return l.bytesIn(among, l.cost) }

// wholeBudget is how many it may have when no other comes. The line has then less
// to do than it had lately, so that the last measurement alone counts.
func (l *line) wholeBudget() int { return l.bytesIn(alone, l.last) }

// bytesIn is how many bytes, of so many seconds each, the line takes within a time,
// or within that of the way, where it is longer.
func (l *line) bytesIn(within time.Duration, cost float64) int {
	limit := int(float64(l.limit) * within.Seconds())
	if cost == 0 {
		return limit
	}
	budget := max(leastBudget, int(max(within, l.way).Seconds()/cost))
	if limit > 0 {
		budget = min(limit, budget)
	}
	return budget
}

// first is the share of its sides that the first picture is sent at: far away, the
// line may be a narrow one, and a whole picture may hold it up for seconds.
func (l *line) first() float64 {
	if l.way >= far {
		return farFirst
	}
	return 1
}

// worth is how long so many bytes must take under the user's limit.
func (l *line) worth(bytes int) time.Duration {
	if l.limit == 0 {
		return 0
	}
	return time.Duration(float64(bytes) / float64(l.limit) * float64(time.Second))
}
