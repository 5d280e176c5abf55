package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Bar is one piece of work with a known or unknown end. Its methods may be
// called from several goroutines; on a nil Bar they do nothing.
type Bar struct {
	talk  *Talk
	label string
	unit  string
	total int64 // 0: unknown

	began    time.Time
	first    int64 // where Set began: work done by an earlier run says nothing of this one's rate
	done     int64
	note     string
	shown    time.Time
	finished bool
}

// Bar begins a piece of work of total units (0 if nobody knows) and shows it.
// unit is a plural ("tokens"); "bytes" is printed as kB, MB and GB. Of several
// bars at once the terminal shows the one begun last.
func (t *Talk) Bar(label string, total int64, unit string) *Bar {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	b := &Bar{talk: t, label: label, unit: unit, total: total, began: t.now(), shown: t.now()}
	if t.live {
		t.clear()
		t.bar = b
		fmt.Fprint(t.w, b.line(t.now(), t.width()-1))
	}
	return b
}

// Skip says that n units had been done before this run began, as when work is
// resumed. They count towards the share done and not towards the rate.
func (b *Bar) Skip(n int64) {
	b.update(func() { b.first += n; b.done += n })
}

// Add says that n more units are done.
func (b *Bar) Add(n int64) {
	b.update(func() { b.done += n })
}

// Note puts a short text behind the bar, such as "loss 1.23". The newest stays.
func (b *Bar) Note(format string, args ...any) {
	b.update(func() { b.note = fmt.Sprintf(format, args...) })
}

// Done ends the work and leaves one line that says what was done in what time.
// Further calls do nothing, so that it can be deferred and called early.
func (b *Bar) Done() {
	if b == nil {
		return
	}
	t := b.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.finished {
		return
	}
	b.finished = true
	if t.bar == b {
		t.clear()
	}
	now := t.now()
	line := b.label + ": "
	if b.done > 0 || b.total > 0 { // else nobody counted
		line += amount(b.done, b.unit) + " in "
	}
	line += span(now.Sub(b.began))
	if r := b.rate(now); r > 0 {
		line += ", " + rate(r, b.unit)
	}
	if b.note != "" {
		line += ", " + b.note
	}
	fmt.Fprintln(t.w, line)
}

// Elapsed is the time since the work began.
func (b *Bar) Elapsed() time.Duration {
	if b == nil {
		return 0
	}
	return b.talk.now().Sub(b.began)
}

// update changes the bar under the lock and shows it when it's time to.
func (b *Bar) update(change func()) {
	if b == nil {
		return
	}
	t := b.talk
	t.mu.Lock()
	defer t.mu.Unlock()
	change()
	now := t.now()
	switch {
	case b.finished:
	case t.live && t.bar == b && now.Sub(b.shown) >= redrawEvery:
		b.shown = now
		fmt.Fprintf(t.w, "\r\x1b[K%s", b.line(now, t.width()-1))
	case !t.live && now.Sub(b.shown) >= plainEvery:
		b.shown = now
		fmt.Fprintln(t.w, b.line(now, 0))
	}
}

// clear takes the bar off the terminal's last line. The caller holds the lock.
func (t *Talk) clear() {
	if t.live && t.bar != nil {
		fmt.Fprint(t.w, "\r\x1b[K")
		t.bar = nil
	}
}

// rate is how many units a second this run has done, 0 before that is known.
func (b *Bar) rate(now time.Time) float64 {
	s := now.Sub(b.began).Seconds()
	if s <= 0 {
		return 0
	}
	return float64(b.done-b.first) / s
}

// barCells is the width of the drawn bar, in cells.
const barCells = 20

// line is the bar as text, at most width cells wide (0: as wide as it comes).
func (b *Bar) line(now time.Time, width int) string {
	var s strings.Builder
	s.WriteString(b.label)
	if b.total > 0 {
		share := min(max(float64(b.done)/float64(b.total), 0), 1)
		if width > 0 {
			full := int(share * barCells)
			s.WriteString(" " + strings.Repeat("━", full) + strings.Repeat("╌", barCells-full))
		}
		fmt.Fprintf(&s, " %3.0f%% %s/%s", 100*share, count(b.done, b.unit), amount(b.total, b.unit))
	} else if b.done > 0 {
		s.WriteString(" " + amount(b.done, b.unit))
	} else {
		s.WriteString(" ...")
	}
	if r := b.rate(now); r > 0 {
		s.WriteString("  " + rate(r, b.unit))
		if b.total > b.done {
			left := float64(b.total-b.done) / r
			s.WriteString("  " + span(time.Duration(left*float64(time.Second))) + " left")
		}
	}
	if b.note != "" {
		s.WriteString("  " + b.note)
	}
	text := s.String()
	if width > 0 && utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:max(width-1, 0)]) + "…"
	}
	return text
}

// count is n alone: 1234 or, for bytes, 1.2 MB.
func count(n int64, unit string) string {
	if unit != "bytes" {
		return fmt.Sprint(n)
	}
	return bytesOf(float64(n))
}

// amount is n with its unit.
func amount(n int64, unit string) string {
	if unit == "bytes" || unit == "" {
		return count(n, unit)
	}
	if n == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return count(n, unit) + " " + unit
}

// rate is r units a second, with three figures where they say something.
func rate(r float64, unit string) string {
	if unit == "bytes" {
		return bytesOf(r) + "/s"
	}
	digits := 0
	switch {
	case r < 1:
		digits = 2
	case r < 100:
		digits = 1
	}
	return strings.TrimSpace(fmt.Sprintf("%.*f %s", digits, r, unit)) + "/s"
}

// bytesOf is n in the decimal units that shops and npm use: 1 MB is a million.
func bytesOf(n float64) string {
	const k = 1000
	for _, u := range []string{"B", "kB", "MB"} {
		if n < k {
			return fmt.Sprintf("%.3g %s", n, u)
		}
		n /= k
	}
	return fmt.Sprintf("%.3g GB", n)
}

// span is a duration as a person says it: 0.4s, 12s, 3m20s, 2h05m.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	default:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
}
