// Package schedule holds the settings of a sampling run and the schedules that
// some of them follow over its steps (2206.12351, section 3.4).
//
//	settings.go  Settings, the complete settings of one run
//	patch.go     Patch, settings of which any may be left out: what the settings
//	             file, a preset, the flags, a model's manifest and the record in a
//	             PNG hold
//	schedule.go  Schedule, a value that changes over the steps
//
// It imports nothing of Sundae, so that every package can.
package schedule
