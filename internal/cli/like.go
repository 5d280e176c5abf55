package cli

import (
	"errors"
	"fmt"
	"os"

	"sundae/internal/bundle"
	"sundae/internal/picture"
	"sundae/sampler"
)

// record reads the settings of the picture named with --like, nil without.
func (f *samplingFlags) record() (*sampler.Record, error) {
	if f.like == "" {
		return nil, nil
	}
	file, err := os.Open(f.like)
	if err != nil {
		return nil, fmt.Errorf("read the settings in a picture: %w", err)
	}
	defer file.Close()
	text, err := picture.ReadText(file, sampler.RecordKey)
	if errors.Is(err, picture.ErrNoText) {
		return nil, fmt.Errorf("%s holds no settings: it wasn't made by Sundae, or another program removed them", f.like)
	}
	if err != nil {
		return nil, fmt.Errorf("read the settings in a picture: %s %w", f.like, err)
	}
	r, err := sampler.ParseRecord(text)
	if err != nil {
		return nil, fmt.Errorf("%s holds %w", f.like, err)
	}
	return &r, nil
}

// preferLike chooses the model that made a picture, where none was named: the
// settings' own if it has the name, else the one found by it.
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

// warnLike says that another model than the one in use made a picture.
func warnLike(a *app, path string, like *sampler.Record, m bundle.Manifest) {
	if like != nil && like.Prior != m.Files[bundle.PriorFile].SHA256 {
		a.talk.Printf("%s was made by another model %s: the same settings give another picture here", path, like.Model)
	}
}
