package cli

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/internal/picture"
	"sundae/sampler"
)

// inpaintPicture saves an image of random pixels.
func inpaintPicture(t *testing.T, dir string, w, h int) string {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(w), uint64(h)))
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(random.Uint32()) | uint8(i%4/3*255)
	}
	path := filepath.Join(dir, fmt.Sprintf("picture-%d-%d.png", w, h))
	if err := picture.Save(path, img); err != nil {
		t.Fatal(err)
	}
	return path
}

// inpaintMask saves a mask with white rectangles.
func inpaintMask(t *testing.T, dir string, w, h int, rects ...image.Rectangle) string {
	t.Helper()
	mask, err := picture.RectMask(image.Pt(w, h), rects)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fmt.Sprintf("mask-%d-%d-%d.png", w, h, len(rects)))
	if err := picture.Save(path, mask); err != nil {
		t.Fatal(err)
	}
	return path
}

// With --composite on, every pixel outside the mask and its feather is that of the
// fitted input, byte for byte, for both rules and fittings. The inside changes.
func TestInpaintKeepsTheRest(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	for i, c := range []struct {
		w, h    int
		fit     picture.Fitting
		rule    string
		feather float64
		rect    image.Rectangle
	}{
		{32, 32, picture.Crop, "any", 0, image.Rect(5, 5, 17, 14)},
		{32, 32, picture.Crop, "all", 2, image.Rect(5, 5, 17, 14)},
		{96, 64, picture.Crop, "any", 3.5, image.Rect(40, 10, 60, 30)},
		{96, 64, picture.Letterbox, "any", 2, image.Rect(0, 0, 50, 20)},
	} {
		out := filepath.Join(dir, fmt.Sprint(i))
		from := inpaintPicture(t, dir, c.w, c.h)
		r := c.rect
		lines, _ := sampleRun(t, "inpaint", "--model", model, "--image", from, "--rect", fmt.Sprintf("%d,%d,%d,%d", r.Min.X, r.Min.Y, r.Dx(), r.Dy()),
			"--mask-rule", c.rule, "--fit", string(c.fit), "--composite", "on", "--feather", fmt.Sprint(c.feather), "--n", "2", "--seed", "4", "--out", out)
		want := []string{filepath.Join(out, "inpaint-4-0000.png"), filepath.Join(out, "inpaint-4-0001.png"), filepath.Join(out, "grid.png")}
		if !slices.Equal(lines, want) {
			t.Errorf("it printed %q", lines)
		}
		whole, err := picture.Load(from)
		if err != nil {
			t.Fatal(err)
		}
		original := picture.Fit(whole, 32, c.fit)
		painted, err := picture.RectMask(whole.Rect.Size(), []image.Rectangle{r})
		if err != nil {
			t.Fatal(err)
		}
		mask := picture.FitMask(painted, 32, c.fit)
		for _, path := range want[:2] {
			made, err := picture.Load(path)
			if err != nil {
				t.Fatal(err)
			}
			inpaintCheck(t, original, made, mask, c.feather)
			if record := sampleRecord(t, path); record.Image != filepath.Base(from) || record.Rule != sampler.Rule(c.rule) {
				t.Errorf("the settings are %+v", record)
			}
		}
	}
}

func inpaintCheck(t *testing.T, original, made *image.RGBA, mask *image.Gray, feather float64) {
	t.Helper()
	new := 0
	for y := range 32 {
		for x := range 32 {
			near := math.Inf(1)
			for v := range 32 {
				for u := range 32 {
					if mask.GrayAt(u, v).Y == 255 {
						near = min(near, math.Hypot(float64(u-x), float64(v-y)))
					}
				}
			}
			same := made.RGBAAt(x, y) == original.RGBAAt(x, y)
			if near > feather && !same {
				t.Fatalf("%d,%d is %g pixels from the mask and not the original's", x, y, near)
			}
			if !same {
				new++
			}
		}
	}
	if new == 0 {
		t.Error("nothing has changed")
	}
}

// A mask file and the same rectangles give the same images. Masks of other sizes are
// read as the help says.
func TestInpaintMasks(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	from := inpaintPicture(t, dir, 64, 64)
	flags := []string{"inpaint", "--model", model, "--image", from, "--n", "1", "--seed", "1", "--steps", "4"}
	made := func(name string, args ...string) ([]byte, string) {
		out := filepath.Join(dir, name)
		_, messages := sampleRun(t, append(append(slices.Clone(flags), "--out", out), args...)...)
		return sampleBytes(t, out, "inpaint-1-0000.png"), messages
	}
	want, _ := made("rect", "--rect", "8,16,24,8", "--rect", "40,40,8,8")
	for name, mask := range map[string]string{
		"same":  inpaintMask(t, dir, 64, 64, image.Rect(8, 16, 32, 24), image.Rect(40, 40, 48, 48)),
		"model": inpaintMask(t, dir, 32, 32, image.Rect(4, 8, 16, 12), image.Rect(20, 20, 24, 24)),
		"other": inpaintMask(t, dir, 128, 32, image.Rect(16, 8, 64, 12), image.Rect(80, 20, 96, 24)),
	} {
		got, messages := made(name, "--mask", mask)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: the mask gives another picture than its rectangles", name)
		}
		if warned := strings.Contains(messages, "the mask has 128×32 pixels and the image 64×64: the mask is stretched"); warned != (name == "other") {
			t.Errorf("%s: it said %q", name, messages)
		}
	}
	both, _ := made("both", "--rect", "8,16,24,8", "--mask", inpaintMask(t, dir, 64, 64, image.Rect(40, 40, 48, 48)))
	if !bytes.Equal(both, want) {
		t.Error("a mask and a rectangle are not united")
	}
	plain, _ := made("plain", "--rect", "8,16,24,8", "--rect", "40,40,8,8", "--composite", "off")
	if bytes.Equal(plain, want) {
		t.Error("--composite off changes nothing")
	}
}

// --history writes every step, composed like the result.
func TestInpaintHistory(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	from := inpaintPicture(t, dir, 32, 32)
	sampleRun(t, "inpaint", "--model", model, "--image", from, "--rect", "0,0,32,16", "--feather", "0", "--n", "1", "--steps", "3", "--history", "--out", filepath.Join(dir, "out"))
	original, err := picture.Load(from)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 4 {
		p, err := picture.Load(filepath.Join(dir, "out", fmt.Sprintf("inpaint-0-0000-step-%02d.png", step)))
		if err != nil {
			t.Fatal(err)
		}
		if half := 4 * 32 * 16; !bytes.Equal(p.Pix[half:], original.Pix[half:]) {
			t.Errorf("step %d changes what is kept", step)
		}
	}
}

func TestInpaintBadInput(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	good := inpaintPicture(t, dir, 64, 32)
	none := filepath.Join(dir, "none.png")
	black := inpaintMask(t, dir, 64, 32)
	out := filepath.Join(dir, "out")
	notPicture := filepath.Join(model, "model.yaml")
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{1, "no such file", []string{"--image", none, "--mask", black}},
		{1, "model.yaml is not a PNG, JPEG, WebP or GIF image", []string{"--image", notPicture, "--mask", black}},
		{1, "model.yaml is not a PNG", []string{"--image", good, "--mask", notPicture}},
		{1, "is a folder", []string{"--image", dir, "--mask", black}},
		{1, "the mask is empty: no white pixel", []string{"--image", good, "--mask", black}},
		{1, "that --fit crop keeps", []string{"--image", good, "--rect", "0,0,8,8"}},
		{1, "the rectangle 100,0,8,8 lies outside the image of 64×32 pixels", []string{"--image", good, "--rect", "100,0,8,8"}},
		{1, "covers no whole token of 4×4 pixels", []string{"--image", good, "--rect", "30,10,2,2", "--mask-rule", "all"}},
		{1, "--mask-rule must be any or all", []string{"--image", good, "--rect", "30,10,2,2", "--mask-rule", "some"}},
		{1, "--composite must be on or off", []string{"--image", good, "--rect", "30,10,2,2", "--composite", "yes"}},
		{1, "--feather must be 0 to 1024 pixels, not -1", []string{"--image", good, "--rect", "30,10,2,2", "--feather", "-1"}},
		{1, "--feather must be 0 to 1024 pixels, not NaN", []string{"--image", good, "--rect", "30,10,2,2", "--feather", "NaN"}},
		{1, "--fit must be crop or letterbox, not", []string{"--image", good, "--rect", "30,10,2,2", "--fit", "stretch"}},
		{2, `--feather must be a number, not "wide"`, []string{"--image", good, "--rect", "30,10,2,2", "--feather", "wide"}},
		{2, "at least one of the flags", []string{"--image", good}},
		{2, `"image" not set`, []string{"--mask", black}},
		{2, "a rectangle is x,y,w,h", []string{"--image", good, "--rect", "1,2,3"}},
		{2, `"b" is not a number of pixels`, []string{"--image", good, "--rect", "1,2,3,b"}},
		{2, "a rectangle of 0×5 pixels is empty", []string{"--image", good, "--rect", "1,2,0,5"}},
	} {
		code, stdout, messages := run(t, append([]string{"inpaint", "--model", model, "--out", out, "--quiet"}, c.args...)...)
		sampleFault(t, c.args, c.code, c.says, code, stdout, messages)
		if names, _ := filepath.Glob(out); len(names) > 0 {
			t.Fatalf("sundae inpaint %s failed and left %v", strings.Join(c.args, " "), names)
		}
	}
}

// Any text gives an error, or a rectangle that is not empty and formats as text that
// parses to the same rectangle.
func FuzzRectangle(f *testing.F) {
	for _, seed := range []string{"1,2,3,4", "-5, 0, 10,10", "0,0,0,0", "1,2,3", "9999999999,1,1,1", "a,b,c,d"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var one, again rectangles
		if one.Set(text) != nil {
			return
		}
		if one[0].Empty() {
			t.Fatalf("%q is empty", text)
		}
		if err := again.Set(one.String()); err != nil || again[0] != one[0] {
			t.Errorf("%q is written as %q, which is %v, %v", text, one.String(), again, err)
		}
	})
}

func TestReconstruct(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	out := filepath.Join(dir, "again.png")
	flat := image.NewRGBA(image.Rect(0, 0, 60, 40))
	for i := range flat.Pix {
		flat.Pix[i] = 255
	}
	flat.SetRGBA(3, 3, color.RGBA{0, 0, 0, 255})
	from := filepath.Join(dir, "flat.png")
	if err := picture.Save(from, flat); err != nil {
		t.Fatal(err)
	}
	for _, fit := range []picture.Fitting{picture.Crop, picture.Letterbox} {
		lines, messages := sampleRun(t, "reconstruct", "--quiet", "--model", model, "--image", from, "--fit", string(fit), "--out", out)
		made, err := picture.Load(out)
		if err != nil || made.Rect.Dx() != 32 {
			t.Fatalf("%v, %v", made, err)
		}
		_, to := fit.Place(flat.Rect, 32)
		want, err := picture.PSNR(part(picture.Fit(flat, 32, fit), to), part(made, to))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(lines, []string{out, "PSNR", fmt.Sprintf("%.2f", want), "dB"}) || messages != "" {
			t.Errorf("printed %q and %q", lines, messages)
		}
	}
	none := filepath.Join(dir, "none.png")
	for says, args := range map[string][]string{
		"is not a PNG, JPEG": {"--image", filepath.Join(model, "model.yaml"), "--out", none},
		"crop or letterbox":  {"--image", from, "--fit", "tight", "--out", none},
		"no such file":       {"--image", none, "--out", none},
		"save image":         {"--image", from, "--out", filepath.Join(none, "deep.png")},
	} {
		code, stdout, messages := run(t, append([]string{"reconstruct", "--quiet", "--model", model}, args...)...)
		sampleFault(t, args, exitBad, says, code, stdout, messages)
		if files, _ := filepath.Glob(none); len(files) > 0 {
			t.Errorf("failed and left %v", files)
		}
	}
}

// --like one variant samples that variant again.
func TestInpaintLike(t *testing.T) {
	model, dir := sampleBundle(t, nil), t.TempDir()
	task := []string{"inpaint", "--model", model, "--image", inpaintPicture(t, dir, 32, 32), "--rect", "4,4,12,12"}
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	sampleRun(t, append(slices.Clone(task), "--n", "3", "--seed", "8", "--steps", "5", "--out", first)...)
	variant := filepath.Join(first, "inpaint-8-0002.png")
	sampleRun(t, append(slices.Clone(task), "--like", variant, "--out", second)...)
	if !bytes.Equal(sampleBytes(t, variant), sampleBytes(t, second, "inpaint-8-0002.png")) {
		t.Error("the variant has changed")
	}
	if _, messages := sampleRun(t, "sample", "--model", model, "--like", variant, "--out", filepath.Join(dir, "third")); !strings.Contains(messages, "was inpainted into picture-32-32.png") {
		t.Errorf("sampling like an inpainting printed %q", messages)
	}
}
