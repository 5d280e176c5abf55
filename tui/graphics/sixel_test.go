package graphics

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

// readSixel draws sixels as a terminal does. Every fault is an error.
func readSixel(s string) (*image.RGBA, error) {
	s, ok := strings.CutPrefix(s, "\x1bP0;1;0q")
	if !ok {
		return nil, fmt.Errorf("no sixel introducer")
	}
	s, ok = strings.CutSuffix(s, "\x1b\\")
	if !ok {
		return nil, fmt.Errorf("no terminator")
	}
	var w, h int
	if n, err := fmt.Sscanf(s, "\"1;1;%d;%d", &w, &h); n != 2 {
		return nil, fmt.Errorf("no raster attributes: %v", err)
	}
	s = s[strings.IndexByte(s, '#'):]
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	colours := map[int]color.RGBA{}
	number := func() int { // reads digits
		n := 0
		for s != "" && s[0] >= '0' && s[0] <= '9' {
			n = n*10 + int(s[0]-'0')
			s = s[1:]
		}
		return n
	}
	x, y, colour, times := 0, 0, -1, 1
	for s != "" {
		c := s[0]
		s = s[1:]
		switch {
		case c == '#':
			colour = number()
			if colour > 255 {
				return nil, fmt.Errorf("colour %d", colour)
			}
			if s != "" && s[0] == ';' {
				var v [4]int
				for i := range v {
					s = s[1:] // the semicolon
					v[i] = number()
				}
				if v[0] != 2 || max(v[1], v[2], v[3]) > 100 {
					return nil, fmt.Errorf("colour %d: %v", colour, v)
				}
				colours[colour] = color.RGBA{level(v[1]), level(v[2]), level(v[3]), 255}
			}
		case c == '!':
			times = number()
		case c == '$':
			x = 0
		case c == '-':
			x, y = 0, y+6
		case c >= '?' && c <= '~':
			use, known := colours[colour]
			if !known && c != '?' {
				return nil, fmt.Errorf("colour %d is not defined", colour)
			}
			for ; times > 0; times-- {
				for bit := range 6 {
					if (c-'?')>>bit&1 == 0 {
						continue
					}
					if x >= w || y+bit >= h {
						return nil, fmt.Errorf("pixel %d,%d is outside %dx%d", x, y+bit, w, h)
					}
					if img.RGBAAt(x, y+bit).A != 0 {
						return nil, fmt.Errorf("pixel %d,%d is drawn twice", x, y+bit)
					}
					img.SetRGBA(x, y+bit, use)
				}
				x++
			}
			times = 1
		default:
			return nil, fmt.Errorf("byte %q", c)
		}
	}
	return img, nil
}

func level(percent int) byte { return byte((percent*255 + 50) / 100) }

// psnr compares pictures of one size, in dB.
func psnr(t testing.TB, p pixels, img *image.RGBA) float64 {
	t.Helper()
	if img.Rect.Dx() != p.w || img.Rect.Dy() != p.h {
		t.Fatalf("%v, want %dx%d", img.Rect, p.w, p.h)
	}
	sum := 0.0
	for i := range p.w * p.h {
		for k := range 3 {
			d := float64(p.rgb[i*3+k]) - float64(img.Pix[i*4+k])
			sum += d * d
		}
	}
	return 10 * math.Log10(255*255/(sum/float64(p.w*p.h*3)))
}
