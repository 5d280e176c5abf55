//go:build !linux && !darwin

package bundle

import "errors"

// exchange would swap two folders in one step, which this system can't.
func exchange(a, b string) error { return errors.ErrUnsupported }
