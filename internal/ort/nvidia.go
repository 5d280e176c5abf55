package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The few functions of NVIDIA's management library (NVML) that listing the cards
// needs. It comes with the driver and is opened at run time, so that machines without
// it run the program. (The bindings github.com/NVIDIA/go-nvml cover all of NVML, but
// every build of a program with them prints two hundred lines of compiler warnings.)

enum { noLibrary = -1, noFunction = -2 };

typedef struct { unsigned long long total, free, used; } memoryInfo;

typedef struct {
	char name[96];
	char uuid[96];
	memoryInfo memory;
} gpu;

typedef int (*plain)(void);
typedef int (*text)(char *, unsigned int);
typedef int (*number)(int *);
typedef int (*handleAt)(unsigned int, void **);
typedef int (*deviceText)(void *, char *, unsigned int);
typedef int (*deviceMemory)(void *, memoryInfo *);
typedef const char *(*message)(int);

// describe writes the driver's version, the version of CUDA that it supports, and up to
// max GPUs. It returns 0, an error of NVML, or one of the negative numbers above.
static int describe(const char *library, char *driver, unsigned int driverSize, int *cuda, gpu *out, int max, int *count, char *why, size_t whySize) {
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!lib) return noLibrary;
	plain init = (plain)dlsym(lib, "nvmlInit_v2"), shutdown = (plain)dlsym(lib, "nvmlShutdown");
	text driverVersion = (text)dlsym(lib, "nvmlSystemGetDriverVersion");
	number cudaVersion = (number)dlsym(lib, "nvmlSystemGetCudaDriverVersion_v2");
	number deviceCount = (number)dlsym(lib, "nvmlDeviceGetCount_v2");
	handleAt handle = (handleAt)dlsym(lib, "nvmlDeviceGetHandleByIndex_v2");
	deviceText name = (deviceText)dlsym(lib, "nvmlDeviceGetName"), uuid = (deviceText)dlsym(lib, "nvmlDeviceGetUUID");
	deviceMemory memory = (deviceMemory)dlsym(lib, "nvmlDeviceGetMemoryInfo");
	message errorString = (message)dlsym(lib, "nvmlErrorString");
	int result = noFunction;
	if (init && shutdown && driverVersion && cudaVersion && deviceCount && handle && name && uuid && memory && errorString) {
		result = init();
		if (result == 0) {
			result = driverVersion(driver, driverSize);
			if (result == 0) result = cudaVersion(cuda);
			if (result == 0) result = deviceCount(count);
			if (*count > max) *count = max;
			for (int i = 0; result == 0 && i < *count; i++) {
				void *device;
				result = handle(i, &device);
				if (result == 0) result = name(device, out[i].name, sizeof out[i].name);
				if (result == 0) uuid(device, out[i].uuid, sizeof out[i].uuid);
				if (result == 0) memory(device, &out[i].memory); // some cards have no memory of their own
			}
			shutdown();
		}
		if (result != 0) strncpy(why, errorString(result), whySize - 1);
	}
	dlclose(lib);
	return result;
}
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// cudaVersion is the version of CUDA that the installed provider is built for, and
// minDriver the oldest driver that has it.
const (
	cudaVersion = 13
	minDriver   = "580"
)

// nvidiaSystem is what NVIDIA's driver says of this machine.
type nvidiaSystem struct {
	driver string
	cuda   int // version that the driver supports: 1000 times the major number and 10 times the minor one
	cards  []Card
	ids    []string // of the cards, as in CUDA_VISIBLE_DEVICES
}

// maxCards is how many GPUs are listed at most.
const maxCards = 64

// askNVIDIA asks the driver.
func askNVIDIA() (nvidiaSystem, error) {
	library := C.CString("libnvidia-ml.so.1")
	defer C.free(unsafe.Pointer(library))
	var driver, why [96]C.char
	var cuda, n C.int
	found := make([]C.gpu, maxCards)
	code := C.describe(library, &driver[0], C.uint(len(driver)), &cuda, &found[0], maxCards, &n, &why[0], C.size_t(len(why)))
	switch {
	case code == C.noLibrary:
		return nvidiaSystem{}, errors.New("NVIDIA's driver is not installed: there is no libnvidia-ml.so.1 (install driver " + minDriver + " or newer)")
	case code == C.noFunction:
		return nvidiaSystem{}, errors.New("NVIDIA's driver is too old: install driver " + minDriver + " or newer")
	case code != 0:
		return nvidiaSystem{}, fmt.Errorf("NVIDIA's driver does not answer (%s): see what nvidia-smi says", C.GoString(&why[0]))
	}
	s := nvidiaSystem{driver: C.GoString(&driver[0]), cuda: int(cuda)}
	for _, g := range found[:n] {
		s.cards = append(s.cards, Card{
			Name: C.GoString(&g.name[0]), Memory: uint64(g.memory.total), Used: uint64(g.memory.used), Driver: s.driver,
		})
		s.ids = append(s.ids, C.GoString(&g.uuid[0]))
	}
	return s, nil
}

// CheckDriver returns an error if the driver is too old for the provider's CUDA.
func CheckDriver() error {
	s, err := askNVIDIA()
	if err != nil {
		return err
	}
	return s.supportsProvider()
}

func (s nvidiaSystem) supportsProvider() error {
	if s.cuda/1000 < cudaVersion {
		return fmt.Errorf("NVIDIA's driver %s supports CUDA %d.%d, and the provider needs CUDA %d: update the driver to %s or newer",
			s.driver, s.cuda/1000, s.cuda%1000/10, cudaVersion, minDriver)
	}
	return nil
}

// nvidiaCards lists the GPUs in the order in which CUDA counts them: that of the PCI
// bus, restricted by CUDA_VISIBLE_DEVICES.
func nvidiaCards() ([]Card, error) {
	s, err := askNVIDIA()
	if err != nil {
		return nil, err
	}
	cards := s.cards
	if list, set := os.LookupEnv("CUDA_VISIBLE_DEVICES"); set {
		cards = visible(s.cards, s.ids, list)
	}
	if len(cards) == 0 {
		return nil, errors.New("no NVIDIA GPU is visible to this process: see nvidia-smi and CUDA_VISIBLE_DEVICES")
	}
	return cards, nil
}

// visible returns the cards of a CUDA_VISIBLE_DEVICES list, which names them by number
// or by the start of their id. As CUDA does, it stops at the first entry that names
// none.
func visible(cards []Card, ids []string, list string) []Card {
	var out []Card
	for entry := range strings.SplitSeq(list, ",") {
		entry = strings.TrimSpace(entry)
		i, err := strconv.Atoi(entry)
		if err != nil && entry != "" {
			i = slices.IndexFunc(ids, func(id string) bool { return strings.HasPrefix(id, entry) })
		} else if err != nil {
			i = -1
		}
		if i < 0 || i >= len(cards) {
			break
		}
		out = append(out, cards[i])
	}
	return out
}
