package graphics

// rgb is the channels of a colour, or sums of them.
type rgb [3]int

func (c rgb) add(o rgb) rgb { return rgb{c[0] + o[0], c[1] + o[1], c[2] + o[2]} }

func (c rgb) less(o rgb) rgb { return rgb{c[0] - o[0], c[1] - o[1], c[2] - o[2]} }

// over is c / n, rounded.
func (c rgb) over(n int) rgb { return rgb{(c[0] + n/2) / n, (c[1] + n/2) / n, (c[2] + n/2) / n} }

func (c rgb) squares() int { return c[0]*c[0] + c[1]*c[1] + c[2]*c[2] }

// cellSums are the sums of a cell's pixels that are needed to split it by any block element.
type cellSums struct {
	all      rgb
	down     [cellSide]rgb // the upper k rows
	across   [cellSide]rgb // the left k columns
	quarters [4]rgb        // upper left, upper right, lower left, lower right
}

func sumsOf(p pixels, x, y int) (s cellSums) {
	var columns [cellSide]rgb
	for v := range cellSide {
		s.down[v] = s.all
		row := p.rgb[((y*cellSide+v)*p.w+x*cellSide)*3:][:cellSide*3]
		for u := range cellSide {
			c := rgb{int(row[u*3]), int(row[u*3+1]), int(row[u*3+2])}
			columns[u] = columns[u].add(c)
			s.all = s.all.add(c)
		}
		if v == cellSide/2-1 {
			for u, c := range columns {
				s.quarters[u/4] = s.quarters[u/4].add(c)
			}
		}
	}
	sum := rgb{}
	for u, c := range columns {
		s.across[u] = sum
		sum = sum.add(c)
	}
	left := s.across[cellSide/2]
	s.quarters[2], s.quarters[3] = left.less(s.quarters[0]), s.all.less(left).less(s.quarters[1])
	return s
}

// The block elements, by the part of the cell that has the foreground colour.
var (
	lowerEighths = [cellSide]string{"", "▁", "▂", "▃", "▄", "▅", "▆", "▇"}
	leftEighths  = [cellSide]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}
	quarterParts = [4]string{"▘", "▝", "▖", "▗"}
)

// split returns the block element whose two colours approximate the cell best, and the foreground and background
// colours: the means of their parts. A plain cell is a blank.
func (s *cellSums) split() (char string, front, back rgb) {
	const pixels = cellSide * cellSide
	char, back = " ", s.all.over(pixels)
	// The squared error falls by as much as the sum of squared sums, each divided by its number of pixels, grows. A
	// small gain is ignored.
	best := s.all.squares()/pixels + pixels
	try := func(c string, sum rgb, n int) {
		rest := s.all.less(sum)
		if gain := sum.squares()/n + rest.squares()/(pixels-n); gain > best {
			best, char, front, back = gain, c, sum.over(n), rest.over(pixels-n)
		}
	}
	try("▀", s.down[cellSide/2], pixels/2)
	for k := 1; k < cellSide; k++ {
		if k != cellSide/2 {
			try(lowerEighths[cellSide-k], s.all.less(s.down[k]), pixels-k*cellSide)
		}
		try(leftEighths[k], s.across[k], k*cellSide)
	}
	for k, q := range s.quarters {
		try(quarterParts[k], q, pixels/4)
	}
	try("▞", s.quarters[1].add(s.quarters[2]), pixels/2)
	return char, front, back
}
