package graphics

// bin is the sum of the pixels with one key.
type bin struct {
	r, g, b  int // sums
	count    int
	colour   int16 // the palette's nearest
	distance int32 // to that, squared
}

func (b *bin) mean() [3]byte {
	half := b.count / 2
	return [3]byte{byte((b.r + half) / b.count), byte((b.g + half) / b.count), byte((b.b + half) / b.count)}
}

func (b *bin) add(o *bin) {
	b.r, b.g, b.b, b.count = b.r+o.r, b.g+o.g, b.b+o.b, b.count+o.count
}

// histogram counts colours by key.
type histogram struct {
	at   []int32 // by key: the bin's number, -1 without
	used []int32 // keys with a bin
	bins []bin
}

func newHistogram() *histogram {
	h := &histogram{at: make([]int32, keys)}
	for i := range h.at {
		h.at[i] = -1
	}
	return h
}

// take counts a quarter of the pixels, every second one of every second row, which is plenty for 256 colours. The
// bins are valid until the next call.
func (h *histogram) take(px pixels) []bin {
	for _, k := range h.used {
		h.at[k] = -1
	}
	h.used, h.bins = h.used[:0], h.bins[:0]
	for y := 0; y < px.h; y += 2 {
		row := px.rgb[y*px.w*3 : (y+1)*px.w*3]
		for i := 0; i+2 < len(row); i += 6 {
			r, g, b := row[i], row[i+1], row[i+2]
			k := key(r, g, b)
			n := h.at[k]
			if n < 0 {
				n = int32(len(h.bins))
				h.at[k] = n
				h.used = append(h.used, int32(k))
				h.bins = append(h.bins, bin{})
			}
			c := &h.bins[n]
			c.r += int(r)
			c.g += int(g)
			c.b += int(b)
			c.count++
		}
	}
	return h.bins
}

// box is a set of bins with its spread.
type box struct {
	bins  []bin
	score float64 // sum of squared distances to the mean along the widest axis; 0 when it cannot be cut
	axis  int
	at    int // the mean along it, rounded down
}

// cut splits the box with the largest spread at its mean until there are n boxes or nothing is left to split, and
// returns the means of the boxes. It reorders the bins.
func cut(bins []bin, n int) [][3]byte {
	boxes := []box{boxOf(bins)}
	for len(boxes) < n {
		widest := 0
		for i := range boxes {
			if boxes[i].score > boxes[widest].score {
				widest = i
			}
		}
		b := boxes[widest]
		if b.score == 0 {
			break
		}
		low := 0
		for i := range b.bins {
			m := b.bins[i].mean()
			if int(m[b.axis]) <= b.at {
				b.bins[low], b.bins[i] = b.bins[i], b.bins[low]
				low++
			}
		}
		boxes[widest] = boxOf(b.bins[:low])
		boxes = append(boxes, boxOf(b.bins[low:]))
	}
	out := make([][3]byte, len(boxes))
	for i, b := range boxes {
		var all bin
		for k := range b.bins {
			all.add(&b.bins[k])
		}
		out[i] = all.mean()
	}
	return out
}

func boxOf(bins []bin) box {
	var sum, squares [3]int
	count := 0
	low, high := [3]byte{255, 255, 255}, [3]byte{}
	for i := range bins {
		m, n := bins[i].mean(), bins[i].count
		count += n
		for k, v := range m {
			sum[k] += int(v) * n
			squares[k] += int(v) * int(v) * n
			low[k], high[k] = min(low[k], v), max(high[k], v)
		}
	}
	b := box{bins: bins}
	for k := range 3 {
		if low[k] == high[k] {
			continue
		}
		if s := float64(squares[k]) - float64(sum[k])*float64(sum[k])/float64(count); s > b.score {
			b.score, b.axis, b.at = s, k, min(sum[k]/count, int(high[k])-1)
		}
	}
	return b
}
