package onnx

import (
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// The devices a model can be put on.
const (
	Auto     = "auto"
	CUDA     = "cuda"
	TensorRT = "tensorrt"
	WebGPU   = "webgpu"
	CoreML   = "coreml"
	CPU      = "cpu"
)

// choices is what auto tries, in this order. TensorRT isn't among them: it
// compiles a model for minutes before the first run, which must be asked for.
var choices = []string{CUDA, CoreML, WebGPU, CPU}

// A DeviceStatus says whether a device can be used here.
type DeviceStatus struct {
	Name string
	OK   bool
	Why  string // why not, in one sentence; "" when OK
}

// Devices tries every device. The library must have been started.
func Devices() []DeviceStatus {
	var all []DeviceStatus
	for _, name := range []string{CUDA, TensorRT, CoreML, WebGPU, CPU} {
		s := DeviceStatus{Name: name}
		if err := probe(name); err != nil {
			s.Why = err.Error()
		} else {
			s.OK = true
		}
		all = append(all, s)
	}
	return all
}

// Best is the device that auto would take.
func Best() string {
	for _, name := range choices {
		if probe(name) == nil {
			return name
		}
	}
	return CPU
}

// probeModel is y = x + x for one float32: the least that a device must run.
//
//go:embed probe.onnx
var probeModel []byte

var probed struct {
	sync.Mutex
	results map[string]error
}

// probe says why a device can't be used, nil when it can. The answer is kept: a
// device doesn't come or go while a program runs, and asking costs up to a second.
func probe(device string) error {
	probed.Lock()
	defer probed.Unlock()
	if err, known := probed.results[device]; known {
		return err
	}
	err := try(device)
	if probed.results == nil {
		probed.results = map[string]error{}
	}
	probed.results[device] = err
	return err
}

// try runs the probe model on the device.
func try(device string) error {
	if err := missing(device); err != nil {
		return err
	}
	options, err := sessionOptions(device, 1)
	if err != nil {
		return err
	}
	defer options.Destroy()
	s, err := newSession(probeModel, options)
	if err != nil {
		return errors.New(brief(err))
	}
	defer s.Close()
	b, err := s.Bind(1, nil)
	if err != nil {
		return err
	}
	defer b.Close()
	x, y := b.inputs[0].data.([]float32), b.outputs[0].data.([]float32)
	x[0] = 21
	if err := b.run(); err != nil {
		return errors.New(brief(err))
	}
	if y[0] != 42 {
		return fmt.Errorf("it computed 21 + 21 = %g", y[0])
	}
	return nil
}

// missing looks for what a device plainly needs before the runtime is asked: its
// drivers print to the terminal when they find nothing, and its own errors name
// files of its build.
func missing(device string) error {
	linux := runtime.GOOS == "linux"
	switch device {
	case CUDA, TensorRT:
		if !linux {
			return errors.New("NVIDIA's libraries for ONNX Runtime are used on Linux only")
		}
		if !exists("/dev/nvidiactl") && !exists("/dev/dxg") {
			return errors.New("there is no NVIDIA GPU (no /dev/nvidiactl)")
		}
		part := "libonnxruntime_providers_" + device + ".so"
		starting.Lock()
		beside := filepath.Join(filepath.Dir(starting.lib.Path), part)
		starting.Unlock()
		if !exists(beside) {
			return fmt.Errorf("this ONNX Runtime comes without it: there is no %s (the GPU release has it: name its library with the onnxruntime setting or %s)",
				beside, Env)
		}
	case WebGPU:
		if !linux {
			return nil
		}
		if nodes, _ := filepath.Glob("/dev/dri/renderD*"); len(nodes) == 0 && !exists("/dev/nvidiactl") && !exists("/dev/dxg") {
			return errors.New("there is no GPU (no /dev/dri/renderD* and no /dev/nvidiactl)")
		}
		if !slices.ContainsFunc(systemFolders(), func(dir string) bool { return exists(filepath.Join(dir, "libvulkan.so.1")) }) {
			return errors.New("the Vulkan loader isn't installed (Debian and Ubuntu: apt install libvulkan1)")
		}
	case CoreML:
		if runtime.GOOS != "darwin" {
			return errors.New("CoreML is part of macOS")
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// sessionOptions are the runtime's settings for a device. threads is the CPU's,
// 0 for one a core.
func sessionOptions(device string, threads int) (*ort.SessionOptions, error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fmt.Errorf("asking ONNX Runtime: %w", err)
	}
	if threads == 0 {
		threads = Cores()
	}
	// A thread that waits for work burns its core. Within a run that is quicker;
	// between two runs that core belongs to the decoder and the terminal.
	err = errors.Join(
		o.SetIntraOpNumThreads(threads),
		o.AddSessionConfigEntry("session.force_spinning_stop", "1"),
		o.SetLogSeverityLevel(ort.LoggingLevelFatal),
		addProvider(o, device),
	)
	if err != nil {
		o.Destroy()
		return nil, errors.New(brief(err))
	}
	return o, nil
}

// addProvider names to the runtime the part of it that runs on the device.
func addProvider(o *ort.SessionOptions, device string) error {
	switch device {
	case CUDA:
		c, err := ort.NewCUDAProviderOptions()
		if err != nil {
			return err
		}
		defer c.Destroy()
		return o.AppendExecutionProviderCUDA(c)
	case TensorRT:
		t, err := ort.NewTensorRTProviderOptions()
		if err != nil {
			return err
		}
		defer t.Destroy()
		if err := o.AppendExecutionProviderTensorRT(t); err != nil {
			return err
		}
		return addProvider(o, CUDA) // for what TensorRT doesn't know
	case WebGPU:
		return o.AppendExecutionProvider("WebGPU", nil)
	case CoreML:
		return o.AppendExecutionProviderCoreMLV2(nil)
	}
	return nil
}

// maxReason is how much of the runtime's own words fits into a sentence.
const maxReason = 200

// brief is an error of the runtime on one line, without the source file and the
// C++ function that it begins with.
func brief(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	for _, after := range []string{" was false. ", "[ONNXRuntimeError] : "} {
		if i := strings.LastIndex(text, after); i >= 0 {
			text = text[i+len(after):]
		}
	}
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "..."
	}
	return text
}
