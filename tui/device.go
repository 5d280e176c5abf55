package tui

import (
	"time"

	tea "charm.land/bubbletea/v2"
)

// devicePoll is how often the status line asks for the memory in use on the device.
const devicePoll = 2 * time.Second

// deviceStatus is the description of the device that the model runs on.
type deviceStatus string

func (s deviceStatus) apply(a *app) tea.Cmd {
	a.device = string(s)
	return a.pollDevice(devicePoll)
}

// pollDevice asks for the device's status after a while. Asking a driver may take some
// milliseconds.
func (a *app) pollDevice(after time.Duration) tea.Cmd {
	if a.DeviceStatus == nil {
		return nil
	}
	return tea.Tick(after, func(time.Time) tea.Msg { return deviceStatus(a.DeviceStatus()) })
}
