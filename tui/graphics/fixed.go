package graphics

// fixedPalette is a palette that is built into a terminal.
func fixedPalette(colours [][3]byte) *palette {
	p := &palette{}
	p.setColours(colours)
	p.measure()
	return p
}

// basicColours are the 16 colours with xterm's values; themes may change them.
func basicColours() [][3]byte {
	return [][3]byte{
		{0, 0, 0}, {205, 0, 0}, {0, 205, 0}, {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
		{127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255}, {255, 0, 255}, {0, 255, 255}, {255, 255, 255},
	}
}

// cubeAndGreys are colours 16 to 255 of the 256-colour palette: a cube of 6 levels per channel, then 24 greys.
func cubeAndGreys() [][3]byte {
	levels := [6]byte{0, 95, 135, 175, 215, 255}
	var out [][3]byte
	for i := range 216 {
		out = append(out, [3]byte{levels[i/36], levels[i/6%6], levels[i%6]})
	}
	for i := range 24 {
		v := byte(8 + 10*i)
		out = append(out, [3]byte{v, v, v})
	}
	return out
}

// dithered returns the number of the colour for c at position x, y. It dithers over half the distance between
// colours: more would show hues that the image does not have.
func (p *palette) dithered(c rgb, x, y int) int {
	r, g, b := byte(c[0]), byte(c[1]), byte(c[2])
	n, _ := p.find([3]byte{r, g, b})
	add := int32(p.spacing[n]) * (int32(blueNoise()[y&(noiseSide-1)*noiseSide+x&(noiseSide-1)]) - 128) >> 9
	n, _ = p.find([3]byte{moved(r, add), moved(g, add), moved(b, add)})
	return int(n)
}

func moved(v byte, add int32) byte { return byte(max(0, min(255, int32(v)+add))) }
