// Package latents encodes the pictures once into the data set of tokens that the prior is
// trained on (2206.12351, section 3.1): latents.npy, uint16 [n, h, w], and labels.npy,
// uint16 [n], as NumPy reads them, and latents.json, which describes them.
package latents

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"sundae/internal/progress"
	"sundae/train/dataset"
)

// The files of a data set.
const (
	tokensFile = "latents.npy"
	labelsFile = "labels.npy"
	stateFile  = "latents.json"
)

// Info is latents.json: what the data set is, and how much of it is written.
type Info struct {
	Tokenizer  string   `json:"tokenizer"` // the VQ-GAN and the step that encoded it
	Source     string   `json:"source"`    // the pictures: their number and the first and last path
	Height     int      `json:"height"`
	Width      int      `json:"width"`
	Vocabulary int      `json:"vocabulary"`
	Classes    []string `json:"classes"`
	Flips      bool     `json:"flips"`           // each picture is followed by its mirror image
	Prior      string   `json:"prior,omitempty"` // the prior and the rate that chose the codes; empty for the closest codes
	Files      int      `json:"files"`           // pictures read so far
	Rows       int      `json:"rows"`            // latents written so far
	Done       bool     `json:"done"`
	CodeUsage  float64  `json:"code_usage"` // share of the codes that are used
	Perplexity float64  `json:"perplexity"` // of the codes' use
}

// Per is how many latents of one picture follow each other.
func (i Info) Per() int {
	if i.Flips {
		return 2
	}
	return 1
}

// Options says what to encode and where to.
type Options struct {
	Set   dataset.Set
	Size  int // the pictures' side
	Batch int // latents at a time
	// Encode converts the bytes of pictures [n, S, S, 3], of the given classes [n], to tokens
	// [n, h, w]. n is the same at every call.
	Encode   func(ctx context.Context, bytes []uint8, classes []int32) ([]int32, error)
	Out      string
	Reporter *progress.Reporter
}

// Encode writes the data set that info describes, or continues one that was stopped; a
// finished one stays as it is. Pictures that cannot be read are reported and left out.
func Encode(ctx context.Context, info Info, o Options) (Info, error) {
	files := o.Set.Files
	info.Source = fmt.Sprintf("%d pictures, %s to %s", len(files), filepath.Base(files[0].Path), filepath.Base(files[len(files)-1].Path))
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return info, fmt.Errorf("make the latents' folder: %w", err)
	}
	if begun, err := readInfo(o.Out); err == nil && begun.same(info) && begun.complete(o.Out) {
		if info = begun; info.Done {
			return info, nil
		}
	}
	// latents.json alone says what the other files hold. It is written before they are cut,
	// and after rows were added to them.
	if err := writeInfo(o.Out, info); err != nil {
		return info, err
	}
	tokens, err := openRows(filepath.Join(o.Out, tokensFile), info.Rows, info.Height*info.Width)
	if err != nil {
		return info, err
	}
	defer tokens.Close()
	labels, err := openRows(filepath.Join(o.Out, labelsFile), info.Rows, 1)
	if err != nil {
		return info, err
	}
	defer labels.Close()

	bar := o.Reporter.Bar("latents", int64(len(files)), "pictures")
	bar.Skip(int64(info.Files))
	defer bar.Done()
	var skipped dataset.Skipped
	per := info.Per()
	step := max(1, o.Batch/per)
	for info.Files < len(files) {
		if err := ctx.Err(); err != nil {
			return info, fmt.Errorf("stopped after %d of %d pictures, which are kept; the same command continues: %w", info.Files, len(files), err)
		}
		some := files[info.Files:min(info.Files+step, len(files))]
		bytes, kept, err := load(some, o, info.Flips, &skipped)
		if err != nil {
			return info, err
		}
		// The batch size is fixed: missing pictures are black, and their tokens are dropped.
		classes := make([]int32, step*per)
		for i, file := range kept {
			for k := range per {
				classes[i*per+k] = int32(file.Class)
			}
		}
		ids, err := o.Encode(ctx, bytes, classes)
		if err != nil {
			return info, err
		}
		n := info.Height * info.Width
		for i, file := range kept {
			for k := i * per; k < (i+1)*per; k++ {
				if err := errors.Join(writeRow(tokens, ids[k*n:(k+1)*n]), writeRow(labels, []int32{int32(file.Class)})); err != nil {
					return info, err
				}
				info.Rows++
			}
		}
		info.Files += len(some)
		bar.Add(int64(len(some)))
		if err := writeInfo(o.Out, info); err != nil {
			return info, err
		}
	}
	if n := skipped.Len(); n > 0 {
		o.Reporter.Printf("%d pictures could not be read and were left out", n)
	}
	if info.Rows == 0 {
		return info, fmt.Errorf("encode pictures: %w", dataset.ErrEmpty)
	}
	return finish(info, o, tokens, labels)
}

// finish writes the headers, now that the number of rows is known, and then marks the data
// set as done.
func finish(info Info, o Options, tokens, labels *os.File) (Info, error) {
	for _, part := range []struct {
		file  *os.File
		name  string
		shape []int
	}{{tokens, tokensFile, []int{info.Rows, info.Height, info.Width}}, {labels, labelsFile, []int{info.Rows}}} {
		_, err := part.file.WriteAt(header(part.shape...), 0)
		if err := errors.Join(err, part.file.Sync()); err != nil {
			return info, fmt.Errorf("finish %s: %w", part.name, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(o.Out, tokensFile))
	if err != nil {
		return info, fmt.Errorf("count codes: %w", err)
	}
	_, values, err := parseNPY(data)
	if err != nil {
		return info, fmt.Errorf("count codes: %w", err)
	}
	info.Perplexity, info.CodeUsage = codeUsage(values, info.Vocabulary)
	info.Done = true
	return info, writeInfo(o.Out, info)
}

// codeUsage is the perplexity of the codes' use and the share of the codes that are used.
func codeUsage(ids []uint16, vocabulary int) (perplexity, used float64) {
	counts := make([]float64, vocabulary)
	for _, id := range ids {
		counts[id]++
	}
	var entropy float64
	for _, c := range counts {
		if c > 0 {
			used++
			entropy -= c / float64(len(ids)) * math.Log(c/float64(len(ids)))
		}
	}
	return math.Exp(entropy), used / float64(vocabulary)
}

// load reads pictures in parallel into bytes [n, S, S, 3], each followed by its mirror image
// if flips is set, and returns the files that could be read.
func load(files []dataset.File, o Options, flips bool, skipped *dataset.Skipped) ([]uint8, []dataset.File, error) {
	pictures := make([]*image.RGBA, len(files))
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, file := range files {
		group.Go(func() error {
			picture, err := file.Load(o.Size)
			if err != nil {
				if skipped.Add(file.Path, err) {
					o.Reporter.Printf("skipped %v", err)
				}
				return nil
			}
			if w, h := picture.Rect.Dx(), picture.Rect.Dy(); min(w, h) < o.Size {
				return fmt.Errorf("picture %s is %d×%d, smaller than the model's %d: remove it, or lower image.size", file.Path, w, h, o.Size)
			}
			pictures[i] = picture
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	per := 1
	if flips {
		per = 2
	}
	frame := o.Size * o.Size * 3
	bytes := make([]uint8, max(1, o.Batch/per)*per*frame)
	var kept []dataset.File
	for i, picture := range pictures {
		if picture == nil {
			continue
		}
		x, y := (picture.Rect.Dx()-o.Size)/2, (picture.Rect.Dy()-o.Size)/2
		for k := range per {
			dataset.Pixels(bytes[(len(kept)*per+k)*frame:], picture, x, y, o.Size, o.Size, k == 1)
		}
		kept = append(kept, files[i])
	}
	return bytes, kept, nil
}

// complete reports whether the files hold the rows that latents.json says: a machine that
// lost power may have lost some of them.
func (i Info) complete(dir string) bool {
	for name, width := range map[string]int{tokensFile: i.Height * i.Width, labelsFile: 1} {
		file, err := os.Stat(filepath.Join(dir, name))
		if err != nil && i.Rows > 0 || err == nil && file.Size() < rowsEnd(i.Rows, width) {
			return false
		}
	}
	return true
}

// rowsEnd is where so many rows of width values end in a file.
func rowsEnd(rows, width int) int64 { return int64(headerSize) + 2*int64(rows)*int64(width) }

// openRows opens a file with a header and rows of width values, cut to the given number of
// rows: what a killed run wrote after its last entry in latents.json is written again.
func openRows(path string, rows, width int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	end := rowsEnd(rows, width)
	if err := file.Truncate(end); err != nil {
		return nil, fmt.Errorf("cut %s: %w", path, err)
	}
	if _, err := file.Seek(end, 0); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return file, nil
}

func writeRow(file *os.File, ids []int32) error {
	row := make([]byte, 0, 2*len(ids))
	for _, id := range ids {
		row = binary.LittleEndian.AppendUint16(row, uint16(id))
	}
	_, err := file.Write(row)
	return err
}

// same reports whether two descriptions are of the same data set.
func (i Info) same(other Info) bool {
	return i.Tokenizer == other.Tokenizer && i.Source == other.Source && i.Flips == other.Flips && i.Prior == other.Prior &&
		i.Height == other.Height && i.Width == other.Width && i.Vocabulary == other.Vocabulary
}

func readInfo(dir string) (Info, error) {
	var info Info
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return info, fmt.Errorf("read latents: %w", err)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return info, fmt.Errorf("read %s: %w", filepath.Join(dir, stateFile), err)
	}
	return info, nil
}

func writeInfo(dir string, info Info) error {
	data, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return fmt.Errorf("write latents: %w", err)
	}
	if err := renameio.WriteFile(filepath.Join(dir, stateFile), append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("write latents: %w", err)
	}
	return nil
}

// Open reads a finished data set: its tokens [n, h, w] and labels [n].
func Open(dir string) (info Info, tokens, labels []uint16, err error) {
	info, err = readInfo(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return info, nil, nil, fmt.Errorf("%s holds no latents: encode the pictures with `sundae train latents`", dir)
	}
	if err != nil {
		return info, nil, nil, err
	}
	if !info.Done {
		return info, nil, nil, fmt.Errorf("the latents in %s are unfinished (%d pictures so far): run `sundae train latents` again", dir, info.Files)
	}
	read := func(name string, shape ...int) ([]uint16, error) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("read latents: %w", err)
		}
		got, values, err := parseNPY(data)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", filepath.Join(dir, name), err)
		}
		if fmt.Sprint(got) != fmt.Sprint(shape) {
			return nil, fmt.Errorf("read %s: shape %v, expected %v", filepath.Join(dir, name), got, shape)
		}
		return values, nil
	}
	if tokens, err = read(tokensFile, info.Rows, info.Height, info.Width); err != nil {
		return info, nil, nil, err
	}
	labels, err = read(labelsFile, info.Rows)
	return info, tokens, labels, err
}
