package scenes

import "math"

// An rgb is a colour in sRGB, each component 0 to 1. Colours are mixed in sRGB, without
// conversion to linear light.
type rgb struct{ r, g, b float32 }

// hex is the colour 0xRRGGBB.
func hex(v uint32) rgb {
	return rgb{float32(v>>16&255) / 255, float32(v>>8&255) / 255, float32(v&255) / 255}
}

// mix interpolates from a (t = 0) to b (t = 1).
func mix(a, b rgb, t float32) rgb {
	return rgb{a.r + (b.r-a.r)*t, a.g + (b.g-a.g)*t, a.b + (b.b-a.b)*t}
}

// scale multiplies the brightness by k.
func (c rgb) scale(k float32) rgb { return rgb{c.r * k, c.g * k, c.b * k} }

// rotateHue rotates the hue by a radians and keeps grey.
func (c rgb) rotateHue(a float32) rgb {
	s, k := float32(math.Sin(float64(a))), float32(math.Cos(float64(a)))
	third := (1 - k) / 3
	side := s * 0.57735027 // 1/sqrt(3): the grey axis has equal parts
	return rgb{
		c.r*(k+third) + c.g*(third-side) + c.b*(third+side),
		c.r*(third+side) + c.g*(k+third) + c.b*(third-side),
		c.r*(third-side) + c.g*(third+side) + c.b*(k+third),
	}
}

// toByte rounds a component to a byte.
func toByte(v float32) uint8 {
	if v <= 0 {
		return 0
	}
	if v >= 1 {
		return 255
	}
	return uint8(v*255 + 0.5)
}

func clamp01(v float32) float32 { return min(max(v, 0), 1) }

// smoothstep rises from 0 (v <= a) to 1 (v >= b) with zero slope at both ends.
func smoothstep(a, b, v float32) float32 {
	t := clamp01((v - a) / (b - a))
	return t * t * (3 - 2*t)
}

// gaussian is exp(-v²).
func gaussian(v float32) float32 { return float32(math.Exp(-float64(v) * float64(v))) }
