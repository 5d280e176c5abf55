package cli

import (
	"errors"
	"fmt"
	"os"

	"sundae/internal/bundle"
	"sundae/internal/picture"
	"sundae/sampler"
)

// record reads the record in the image named with --like, nil without --like.
func (f *samplingFlags) record() (*sampler.Record, error) {
	if f.like == "" {
		return nil, nil
	}
	file, err := os.Open(f.like)
	if err != nil {
		return nil, fmt.Errorf("read the settings in an image: %w", err)
	}
	defer file.Close()
	text, err := picture.ReadText(file, sampler.RecordKey)
	if errors.Is(err, picture.ErrNoText) {
		return nil, fmt.Errorf("%s has no settings: it was not made by Sundae, or another program removed them", f.like)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings in an image: %s %w", f.like, err)
	}
	r, err := sampler.ParseRecord(text)
	if err != nil {
		return nil, fmt.Errorf("%s has %w", f.like, err)
	}
	return &r, nil
}

// preferLike chooses the model that made an image, unless a flag names one: the model
// of the settings if it has the same name, else the one that is found by the name.
func (f *modelFlags) preferLike(a *app, like *sampler.Record) {
	if f.model != "" {
		return
	}
	if l, err := a.search().Find(a.config.Model); err == nil {
		if m, err := l.Manifest(); err == nil && m.Name == like.Model {
			return
		}
	}
	f.model = like.Model
}

// warnLike warns if another model than this one made an image.
func warnLike(a *app, path string, like *sampler.Record, m bundle.Manifest) {
	if like != nil && like.Prior != m.Files[bundle.PriorFile].SHA256 {
		a.reporter.Printf("%s was made by another model (%s), so the same settings give a different image", path, like.Model)
	}
}
