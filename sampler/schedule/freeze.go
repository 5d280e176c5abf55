package schedule

import "fmt"

// Freeze says when a sample that no longer changes leaves the batch. Under every rule at
// least min_steps have been taken.
type Freeze string

// The values of Freeze.
const (
	FreezeRecommended Freeze = "model"
	// FreezeOn freezes a sample once the shares of tokens drawn since its last change add
	// up to one.
	FreezeOn Freeze = "on"
	// FreezeUnchanged freezes a sample after one step without a change that follows the
	// first min_steps: the rule of the published code.
	FreezeUnchanged Freeze = "unchanged"
	FreezeOff       Freeze = "off"
)

// UnmarshalText reads on, unchanged, off or model; true and false as well, for YAML.
func (f *Freeze) UnmarshalText(text []byte) error {
	switch value := Freeze(text); value {
	case FreezeRecommended, FreezeOn, FreezeUnchanged, FreezeOff:
		*f = value
	case "true":
		*f = FreezeOn
	case "false":
		*f = FreezeOff
	default:
		return fmt.Errorf("%q must be on, unchanged, off or model", string(text))
	}
	return nil
}
