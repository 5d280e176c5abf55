package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/gomlx/gomlx/ml/model"
)

// RunFile is the checkpoint of a training run: its variables, and a report of its state.
type RunFile struct {
	Path    string
	Format  string // of the file, with a version
	Network string // everything that determines the weights' shapes and meaning
}

// Resume loads the checkpoint if there is one, and reports whether it did. Without resume
// an existing one is an error, so that no run is overwritten by accident.
func (f RunFile) Resume(resume bool, store *model.Store, report any) (bool, error) {
	if _, err := os.Stat(f.Path); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if !resume {
		return false, fmt.Errorf("%s already holds a run: pass --resume to continue it, or another --out", filepath.Dir(f.Path))
	}
	return true, f.Load(store, report)
}

// Save writes every variable of store, and the report at a step.
func (f RunFile) Save(store *model.Store, step int, report any) error {
	state, err := json.Marshal(report)
	if err != nil {
		return fmt.Errorf("save checkpoint: %w", err)
	}
	return Save(f.Path, store, map[string]string{
		"format": f.Format, "step": strconv.Itoa(step), "report": string(state), "network": f.Network,
	})
}

// Load reads the variables into store and the report into the value that report points
// to. A checkpoint of another format or another network is an error.
func (f RunFile) Load(store *model.Store, report any) error {
	return f.load(store, report, everything)
}

// load reads a part of the variables.
func (f RunFile) load(store *model.Store, report any, as selection) error {
	meta, err := loadSelected(f.Path, store, as)
	if errors.Is(err, fs.ErrNotExist) {
		name := strings.TrimSuffix(filepath.Base(f.Path), filepath.Ext(f.Path))
		return fmt.Errorf("there is no %s: run `sundae train %s` first", f.Path, name)
	}
	if err != nil {
		return err
	}
	if meta["format"] != f.Format {
		return fmt.Errorf("%s was written by another version of Sundae: train again with another --out", f.Path)
	}
	if meta["network"] != f.Network {
		return fmt.Errorf("%s holds another network (%s) than the recipe's (%s)", f.Path, meta["network"], f.Network)
	}
	if err := json.Unmarshal([]byte(meta["report"]), report); err != nil {
		return fmt.Errorf("read the report in %s: %w", f.Path, err)
	}
	return nil
}
