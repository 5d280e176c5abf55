package sampler

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sundae/internal/bundle"
)

// RecordKey is the key of a picture's text under which its record is kept.
const RecordKey = "sundae"

// recordFormat is the version of the records written and read here.
const recordFormat = 1

// A Record says how a picture was made, so that it can be made again: the model,
// the settings and the sample's number. It is kept in the picture's file as one
// line of JSON.
type Record struct {
	Format  int    `json:"format"`
	Model   string `json:"model"` // the manifest's name
	Prior   string `json:"prior"` // SHA-256 of prior.onnx
	Seed    uint64 `json:"seed"`
	Sample  int    `json:"sample"`            // number of the sample, or of a sheet's first
	Samples int    `json:"samples,omitempty"` // on a sheet; 0 for a single picture
	Step    int    `json:"step,omitempty"`    // of a step in mid-run; 0 for a finished picture
	Steps   int    `json:"steps"`

	Temperature string `json:"temperature"` // as ParseSchedule reads it
	Proportion  string `json:"proportion"`
	Corruption  string `json:"corruption,omitempty"` // "" is none
	Class       string `json:"class,omitempty"`      // by name; "" is any
	MinSteps    int    `json:"min_steps"`
	Freeze      bool   `json:"freeze"`

	Image string `json:"image,omitempty"` // of an inpainting: the file's name, without its folder
	Rule  Rule   `json:"rule,omitempty"`  // and how its mask was read
}

// NewRecord is the record of a sample of a finished run.
func NewRecord(m bundle.Manifest, s Settings, sample int) Record {
	r := Record{
		Format: recordFormat, Model: m.Name, Prior: m.Files[bundle.PriorFile].SHA256, Seed: s.Seed, Sample: sample, Steps: s.Steps,
		Temperature: s.Temperature.String(), Proportion: s.Proportion.String(), MinSteps: s.MinSteps, Freeze: s.Freeze,
	}
	if c := s.Corruption.String(); c != "0" {
		r.Corruption = c
	}
	if s.Class < len(m.Classes) {
		r.Class = m.Classes[s.Class]
	}
	return r
}

// String is the record as it is kept, on one line.
func (r Record) String() string {
	text, err := json.Marshal(r)
	if err != nil {
		panic("sampler: a record of plain values: " + err.Error())
	}
	return string(text)
}

// ParseRecord reads a record strictly.
func ParseRecord(text string) (Record, error) {
	var r Record
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		var newer struct {
			Format int `json:"format"`
		}
		if json.Unmarshal([]byte(text), &newer) == nil && newer.Format > recordFormat {
			return Record{}, fmt.Errorf("settings of format %d: this program reads format %d", newer.Format, recordFormat)
		}
		return Record{}, fmt.Errorf("settings that can't be read: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Record{}, errors.New("settings that can't be read: something comes after them")
	}
	switch {
	case r.Format != recordFormat:
		return Record{}, fmt.Errorf("settings of format %d: this program reads format %d", r.Format, recordFormat)
	case r.Sample < 0 || r.Samples < 0 || r.Step < 0:
		return Record{}, fmt.Errorf("settings of sample %d, %d samples, step %d: none can be negative", r.Sample, r.Samples, r.Step)
	}
	return r, nil
}

// Settings are the settings of a record, for a model of these classes.
func (r Record) Settings(classes []string) (Settings, error) {
	s := Settings{Steps: r.Steps, MinSteps: r.MinSteps, Freeze: r.Freeze, Seed: r.Seed, Class: len(classes)}
	var err error
	if s.Temperature, err = ParseSchedule(r.Temperature); err != nil {
		return Settings{}, fmt.Errorf("temperature: %w", err)
	}
	if s.Proportion, err = ParseSchedule(r.Proportion); err != nil {
		return Settings{}, fmt.Errorf("proportion: %w", err)
	}
	if r.Corruption != "" {
		if s.Corruption, err = ParseSchedule(r.Corruption); err != nil {
			return Settings{}, fmt.Errorf("corruption: %w", err)
		}
	}
	if r.Class != "" {
		if s.Class = slices.Index(classes, r.Class); s.Class < 0 {
			return Settings{}, fmt.Errorf("class %q isn't one of the model's", r.Class)
		}
	}
	return s, s.Validate(len(classes))
}
