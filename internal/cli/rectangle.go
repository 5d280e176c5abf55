package cli

import (
	"fmt"
	"image"
	"strconv"
	"strings"
)

// rectangles is the value of a flag x,y,w,h in pixels that may be repeated.
type rectangles []image.Rectangle

// maxSide is the largest number of a rectangle. No image that can be read is larger.
const maxSide = 1 << 28

func (all *rectangles) Set(text string) error {
	fields := strings.Split(text, ",")
	if len(fields) != 4 {
		return fmt.Errorf("a rectangle is x,y,w,h in pixels")
	}
	var n [4]int
	for i, field := range fields {
		v, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || v < -maxSide || v > maxSide {
			return fmt.Errorf("%q is not a number of pixels", field)
		}
		n[i] = v
	}
	if n[2] < 1 || n[3] < 1 {
		return fmt.Errorf("a rectangle of %d×%d pixels is empty", n[2], n[3])
	}
	*all = append(*all, image.Rect(n[0], n[1], n[0]+n[2], n[1]+n[3]))
	return nil
}

func (all *rectangles) String() string {
	var texts []string
	for _, r := range *all {
		texts = append(texts, fmt.Sprintf("%d,%d,%d,%d", r.Min.X, r.Min.Y, r.Dx(), r.Dy()))
	}
	return strings.Join(texts, " ")
}

// Type is the name of the flag's value in --help.
func (all *rectangles) Type() string { return "x,y,w,h" }
