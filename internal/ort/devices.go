package ort

import (
	"errors"
	"fmt"
	"strings"

	onnxruntime "github.com/yalue/onnxruntime_go"

	"sundae/internal/inference"
)

// A Card is the hardware of a device.
type Card struct {
	Name     string `json:"name"`               // such as "NVIDIA H200"
	Memory   uint64 `json:"memory,omitempty"`   // bytes; 0 if unknown
	Used     uint64 `json:"used,omitempty"`     // bytes of it in use by all processes
	Driver   string `json:"driver,omitempty"`   // its version
	Software bool   `json:"software,omitempty"` // a program that computes on the CPU stands in for it
}

// String is the card in one line: "NVIDIA H200, 139 GiB, driver 580.65".
func (c Card) String() string {
	parts := []string{c.Name}
	if c.Memory > 0 {
		parts = append(parts, fmt.Sprintf("%.0f of %.0f GiB free", gibibytes(c.Memory-c.Used), gibibytes(c.Memory)))
	}
	if c.Driver != "" {
		parts = append(parts, "driver "+c.Driver)
	}
	if c.Software {
		parts = append(parts, "software: it computes on the CPU")
	}
	return strings.Join(parts, ", ")
}

func gibibytes(bytes uint64) float64 { return float64(bytes) / (1 << 30) }

// Status describes a device in a few words, for a status line: its card and how much
// of its memory is in use, or its name.
func Status(device string) string {
	p, card, err := findProvider(device)
	if err != nil || p.cards == nil {
		return device
	}
	cards, err := p.cards()
	if err != nil || card >= len(cards) {
		return device
	}
	c := cards[card]
	switch {
	case c.Memory > 0:
		return fmt.Sprintf("%s %.1f/%.0f GiB", c.Name, gibibytes(c.Used), gibibytes(c.Memory))
	case c.Software:
		return device + " (software)"
	}
	return device
}

// Device is a device that models can run on, or the reason why not.
type Device struct {
	Device string `json:"device"` // as [Options].Device takes it
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"` // why it can't be used, in one sentence; "" when OK
	Card   *Card  `json:"card,omitempty"`   // nil if nothing is known of it
}

// Devices tries every device. Where there are several cards of a kind, each has its
// own entry.
func (rt *Runtime) Devices() []Device {
	var all []Device
	for _, p := range providers {
		all = append(all, rt.devicesOf(p)...)
	}
	return all
}

func (rt *Runtime) devicesOf(p provider) []Device {
	var cards []Card
	if p.cards != nil {
		cards, _ = p.cards() // the probe reports why there are none
	}
	var all []Device
	for i := range max(1, len(cards)) {
		d := Device{Device: p.device, OK: true}
		if len(cards) > 1 {
			d.Device = fmt.Sprintf("%s:%d", p.device, i)
		}
		if i < len(cards) {
			d.Card = &cards[i]
		}
		if err := rt.probe(p, i); err != nil {
			d.OK, d.Reason = false, err.Error()
		}
		all = append(all, d)
	}
	return all
}

// AutoDevices returns the usable devices that Auto chooses from, the CPU last, and
// says in one sentence each why others are left out. Software that stands in for a
// GPU is left out: it is slower than the CPU itself.
func (rt *Runtime) AutoDevices() (usable []Device, skipped []string) {
	for _, p := range providers {
		if !p.auto {
			continue
		}
		d := rt.devicesOf(p)[0]
		switch {
		case !d.OK:
			skipped = append(skipped, p.device+": "+d.Reason)
		case d.Card != nil && d.Card.Software:
			skipped = append(skipped, p.device+": "+d.Card.Name+" is software")
		default:
			usable = append(usable, d)
		}
	}
	return usable, skipped
}

// probe returns why a card of a provider can't be used, nil if it can. It keeps the
// result: a device doesn't come or go while a program runs, and trying costs up to a
// second.
func (rt *Runtime) probe(p provider, card int) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	name := fmt.Sprintf("%s:%d", p.device, card)
	err, known := rt.probed[name]
	if !known {
		err = rt.try(p, card)
		rt.probed[name] = err
	}
	return err
}

// try runs a small model on the device and compares its results with the CPU's.
func (rt *Runtime) try(p provider, card int) error {
	if p.check != nil {
		if err := p.check(rt.library); err != nil {
			return err
		}
	}
	if p.cards != nil {
		cards, err := p.cards()
		if err != nil {
			return err
		}
		if card >= len(cards) {
			return fmt.Errorf("there is no card %d: this machine has %s", card, count(len(cards), p.device))
		}
	}
	got, err := runProbe(p, card)
	if err != nil || p.device == CPU {
		return err
	}
	want, err := runProbe(cpu, 0)
	if err != nil {
		return err
	}
	return compareProbes(got, want)
}

// count names the cards of a device: "2 (cuda:0 and cuda:1)".
func count(n int, device string) string {
	switch n {
	case 0:
		return "none"
	case 1:
		return fmt.Sprintf("1 (%s:0)", device)
	}
	return fmt.Sprintf("%d (%s:0 to %s:%d)", n, device, device, n-1)
}

// sessionOptions returns the runtime's options for a session: its provider and
// its CPU threads, 0 for one per core.
func sessionOptions(p provider, card, threads int) (*onnxruntime.SessionOptions, error) {
	o, err := onnxruntime.NewSessionOptions()
	if err != nil {
		return nil, shortError(err)
	}
	if threads == 0 {
		threads = Cores()
	}
	// A thread that spins while it waits for work is faster within a run; between
	// two runs its core belongs to the decoder and the terminal.
	err = errors.Join(
		o.SetIntraOpNumThreads(threads),
		o.AddSessionConfigEntry("session.force_spinning_stop", "1"),
		o.SetLogSeverityLevel(onnxruntime.LoggingLevelFatal),
		p.add(o, card),
	)
	if err != nil {
		o.Destroy()
		return nil, shortError(err)
	}
	return o, nil
}

// maxErrorLength is how much of the runtime's own words fits into a sentence, in
// bytes.
const maxErrorLength = 200

// shortError shortens an error of the runtime to one line, without the source
// file and the C++ function that it begins with. It wraps [inference.ErrOutOfMemory]
// where the device's memory was too small.
func shortError(err error) error {
	text := strings.Join(strings.Fields(err.Error()), " ")
	outOfMemory := isOutOfMemory(text)
	for _, after := range []string{" was false. ", "[ONNXRuntimeError] : "} {
		if i := strings.LastIndex(text, after); i >= 0 {
			text = text[i+len(after):]
		}
	}
	// NVIDIA's libraries: "... CUDA failure 100: no device ; GPU=0 ; hostname=..."
	if i := strings.Index(text, " failure "); i >= 0 {
		start := strings.LastIndexByte(text[:i], ' ') + 1
		text, _, _ = strings.Cut(text[start:], " ;")
	}
	if len(text) > maxErrorLength {
		text = strings.ToValidUTF8(text[:maxErrorLength], "") + "..."
	}
	if outOfMemory {
		return fmt.Errorf("%w (%s)", inference.ErrOutOfMemory, text)
	}
	return errors.New(text)
}

// isOutOfMemory recognises the words of the runtime's allocators, and of CUDA, cuBLAS
// and Vulkan.
func isOutOfMemory(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"failed to allocate memory", "out of memory", "out_of_memory", "out_of_device_memory", "alloc_failed", "cudaerrormemoryallocation"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
