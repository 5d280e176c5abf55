package bundle

import "fmt"

// CheckTarget returns an error if writing a bundle to the folder dir would overwrite
// anything but a bundle.
func CheckTarget(dir string) error {
	if _, err := foreign(dir); err != nil {
		return fmt.Errorf("write bundle: %w", err)
	}
	return nil
}
