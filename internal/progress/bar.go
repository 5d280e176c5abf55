package progress

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Bar shows the progress of one piece of work. It may be used by several goroutines.
// The methods of a nil Bar do nothing.
type Bar struct {
	reporter *Reporter
	label    string
	unit     string
	total    int64 // 0: unknown

	began    time.Time
	skipped  int64 // units done before this run, see Skip
	done     int64 // units done in all
	note     string
	shown    time.Time
	finished bool
}

// Bar starts the progress of work of total units, 0 if their number is not known.
// unit is a plural such as "tokens", or "" for none; "bytes" are printed as kB, MB
// and GB. Of several bars at a time a terminal shows the newest.
func (r *Reporter) Bar(label string, total int64, unit string) *Bar {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	b := &Bar{reporter: r, label: label, unit: unit, total: total, began: r.now(), shown: r.now()}
	if r.live {
		r.clear()
		r.bar = b
		fmt.Fprint(r.w, b.line(r.now(), r.width()-1))
	}
	return b
}

// Skip reports n units that were done before this run, as when work is resumed.
// They count for the share done but not for the rate.
func (b *Bar) Skip(n int64) {
	b.update(func() { b.skipped += n; b.done += n })
}

// Add reports that n more units are done.
func (b *Bar) Add(n int64) {
	b.update(func() { b.done += n })
}

// Note sets a short text that is shown after the bar, such as "loss 1.23".
func (b *Bar) Note(format string, args ...any) {
	b.update(func() { b.note = fmt.Sprintf(format, args...) })
}

// Done ends the work and prints a line that sums it up. Further calls do nothing,
// so that it can be deferred and also called early.
func (b *Bar) Done() {
	if b == nil {
		return
	}
	r := b.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.finished {
		return
	}
	b.finished = true
	if r.bar == b {
		r.clear()
	}
	now := r.now()
	line := b.label + ": "
	if b.done > 0 || b.total > 0 { // units were counted
		line += amount(b.done, b.unit) + " in "
	}
	line += Duration(now.Sub(b.began))
	if speed := b.rate(now); speed > 0 {
		line += ", " + rate(speed, b.unit)
	}
	if b.note != "" {
		line += ", " + b.note
	}
	fmt.Fprintln(r.w, line)
}

// update changes the bar under the lock, and shows it if the last time is long
// enough ago.
func (b *Bar) update(change func()) {
	if b == nil {
		return
	}
	r := b.reporter
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	now := r.now()
	switch {
	case b.finished:
	case r.live && r.bar == b && now.Sub(b.shown) >= redrawEvery:
		b.shown = now
		fmt.Fprintf(r.w, "\r\x1b[K%s", b.line(now, r.width()-1))
	case !r.live && now.Sub(b.shown) >= plainEvery:
		b.shown = now
		fmt.Fprintln(r.w, b.line(now, 0))
	}
}

// clear removes the bar from the terminal's last line. The caller holds the lock.
func (r *Reporter) clear() {
	if r.live && r.bar != nil {
		fmt.Fprint(r.w, "\r\x1b[K")
		r.bar = nil
	}
}

// rate returns the units per second of this run, 0 if not known yet.
func (b *Bar) rate(now time.Time) float64 {
	s := now.Sub(b.began).Seconds()
	if s <= 0 {
		return 0
	}
	return float64(b.done-b.skipped) / s
}

// barCells is the width of the bar alone, in terminal cells.
const barCells = 20

// line returns the bar as text, cut to width cells. With width 0 the text is for a
// log: of any length and without the drawn bar.
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
			s.WriteString("  " + Duration(time.Duration(left*float64(time.Second))) + " left")
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

// count formats n without its unit: "1234", or for bytes "1.2 MB".
func count(n int64, unit string) string {
	if unit != "bytes" {
		return fmt.Sprint(n)
	}
	return byteSize(float64(n))
}

// amount formats n with its unit.
func amount(n int64, unit string) string {
	if unit == "bytes" || unit == "" {
		return count(n, unit)
	}
	if n == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return count(n, unit) + " " + unit
}

// rate formats r units per second.
func rate(r float64, unit string) string {
	if unit == "bytes" {
		return byteSize(r) + "/s"
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

// byteSize formats n bytes in decimal units: 1 MB is 10^6 bytes.
func byteSize(n float64) string {
	const k = 1000
	for _, u := range []string{"B", "kB", "MB"} {
		if n < k {
			return fmt.Sprintf("%.3g %s", n, u)
		}
		n /= k
	}
	return fmt.Sprintf("%.3g GB", n)
}

// Duration formats d with a precision that fits its length: 0.4s, 12s, 3m20s, 2h05m.
func Duration(d time.Duration) string {
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
