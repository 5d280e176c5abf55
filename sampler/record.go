package sampler

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sundae/internal/bundle"
	"sundae/sampler/schedule"
)

// RecordKey is the key of a PNG's text chunk that holds its record.
const RecordKey = "sundae"

// recordFormat is the version of the records written and read here.
const recordFormat = 2

// A Record says how an image was sampled, so that it can be sampled again: the model,
// the settings and the sample's number. It is kept in the image's file as one line
// of JSON.
type Record struct {
	Format  int    `json:"format"`
	Model   string `json:"model"`             // the manifest's name
	Prior   string `json:"prior"`             // SHA-256 of prior.onnx
	Sample  int    `json:"sample"`            // number of the sample, or of a sheet's first
	Samples int    `json:"samples,omitempty"` // on a sheet; 0 for a single image
	Step    int    `json:"step,omitempty"`    // of a step during the run; 0 for a finished image
	schedule.Patch

	Image string `json:"image,omitempty"` // inpainting: name of the image file, without its folder
	Rule  Rule   `json:"rule,omitempty"`  // inpainting: how the mask was read
}

// NewRecord returns the record of a sample of a finished run.
func NewRecord(m bundle.Manifest, s schedule.Settings, sample int) Record {
	return Record{
		Format: recordFormat, Model: m.Name, Prior: m.Files[bundle.PriorFile].SHA256, Sample: sample, Patch: schedule.PatchOf(s, m.Classes),
	}
}

// String returns the record as it is stored, on one line.
func (r Record) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic("sampler: a record of plain values: " + err.Error())
	}
	return string(text)
}

// ParseRecord reads a record strictly.
func ParseRecord(text string) (Record, error) {
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal([]byte(text), &version); err == nil && version.Format != recordFormat {
		if version.Format > recordFormat {
			return Record{}, fmt.Errorf("settings of format %d, from a newer version of Sundae: this one reads format %d, update it", version.Format, recordFormat)
		}
		return Record{}, fmt.Errorf("settings of format %d, from an older version of Sundae: sample the image again with its settings as flags", version.Format)
	}
	var r Record
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("settings that cannot be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("settings that cannot be read: there is more text after them")
	}
	if r.Sample < 0 || r.Samples < 0 || r.Step < 0 {
		return Record{}, fmt.Errorf("settings of sample %d, %d samples, step %d: none may be negative", r.Sample, r.Samples, r.Step)
	}
	return r, nil
}

// Settings returns the settings of a record, for a model of these classes.
func (r Record) Settings(classes []string) (schedule.Settings, error) {
	s, err := r.Patch.Settings(classes)
	if err != nil {
		return schedule.Settings{}, err
	}
	return s, s.Validate(len(classes))
}
