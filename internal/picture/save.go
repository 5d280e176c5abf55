package picture

import (
	"bufio"
	"fmt"
	"image"
	"image/png"

	"github.com/google/renameio/v2"
)

// Save writes img to path as a PNG. The file appears whole or not at all.
func Save(path string, img image.Image) error {
	file, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("save picture: %w", err)
	}
	defer file.Cleanup()
	w := bufio.NewWriterSize(file, 1<<18)
	if err := png.Encode(w, img); err != nil {
		return fmt.Errorf("save picture %s: %w", path, err)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("save picture %s: %w", path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("save picture %s: %w", path, err)
	}
	return nil
}
