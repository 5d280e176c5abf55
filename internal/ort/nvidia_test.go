package ort

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sundae/internal/inference"
)

func TestVisibleCards(t *testing.T) {
	cards := []Card{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	ids := []string{"GPU-aa11", "GPU-bb22", "GPU-cc33"}
	for list, want := range map[string]string{
		"0,1,2": "abc", "2,0": "ca", "1": "b", " 1 , 2 ": "bc", "GPU-cc": "c", "GPU-bb22,0": "ba",
		"": "", "-1": "", "7": "", "0,7,1": "a", "0,GPU-zz,1": "a", "x": "",
	} {
		got := ""
		for _, c := range visible(cards, ids, list) {
			got += c.Name
		}
		if got != want {
			t.Errorf("CUDA_VISIBLE_DEVICES=%q shows %q, want %q", list, got, want)
		}
	}
}

func TestDriverSupport(t *testing.T) {
	if err := (nvidiaSystem{driver: "580.65", cuda: 13000}).supportsProvider(); err != nil {
		t.Error(err)
	}
	err := nvidiaSystem{driver: "535.104", cuda: 12020}.supportsProvider()
	if err == nil || !strings.Contains(err.Error(), "driver 535.104 supports CUDA 12.2, and the provider needs CUDA 13: update the driver to 580") {
		t.Errorf("an old driver: %v", err)
	}
}

func TestShortErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[ONNXRuntimeError] : 1 : FAIL : provider_options_utils.h:187 Parse Failed to parse provider option "device_id": CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; hostname=vm ; file=/src/cuda.cc`: "CUDA failure 100: no CUDA-capable device is detected",
		"run.cc:12 Run status.IsOK() was false. CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR ; GPU=0":                                                                                                                     "CUDNN failure 4: CUDNN_STATUS_INTERNAL_ERROR",
		"a\n  b": "a b",
	} {
		if got := shortError(errors.New(text)).Error(); got != want {
			t.Errorf("%q is shortened to %q, want %q", text, got, want)
		}
	}
}

func TestOutOfMemoryErrors(t *testing.T) {
	for text, want := range map[string]bool{
		"BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1073741824": true,
		"CUDA failure 2: out of memory ; GPU=0":                                                           true,
		"CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED":                                                    true,
		"VK_ERROR_OUT_OF_DEVICE_MEMORY":                                                                   true,
		"Non-zero status code returned while running MatMul node.":                                        false,
	} {
		if got := errors.Is(shortError(errors.New(text)), inference.ErrOutOfMemory); got != want {
			t.Errorf("%q is out of memory: %t", text, got)
		}
	}
}

// environment makes a Python environment with NVIDIA's packages, with shared libraries
// that are real but empty.
func environment(t *testing.T, libraries ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, name := range libraries {
		folder := filepath.Join(dir, "lib", "python3.12", "site-packages", "nvidia", []string{"cu13", "cudnn"}[i%2], "lib")
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		build := exec.Command("gcc", "-shared", "-xc", "/dev/null", "-Wl,-soname,"+name, "-o", filepath.Join(folder, name))
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	return dir
}

// Libraries are found in the active Python environment and loaded by their full path, so
// that others find them by name.
func TestLoadCUDALibraries(t *testing.T) {
	libraries := []sharedLibrary{{"libsundaetest1.so.13", "nvidia-test", "test-13"}, {"libsundaetest2.so.9", "nvidia-cudnn-test", "cudnn-test"}}
	t.Setenv("VIRTUAL_ENV", environment(t, libraries[0].name))
	err := loadCUDA(libraries)
	if err == nil || !strings.Contains(err.Error(), "libsundaetest2.so.9 is missing (pip install nvidia-cudnn-test, or apt install cudnn-test") {
		t.Errorf("without the second library: %v", err)
	}
	t.Setenv("VIRTUAL_ENV", environment(t, libraries[0].name, libraries[1].name))
	if err := loadCUDA(libraries); err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		if err := dlopen(l.name); err != nil {
			t.Errorf("%s is not found by its name: %v", l.name, err)
		}
	}
	t.Setenv("VIRTUAL_ENV", environment(t, "libsundaetest3.so.12"))
	err = loadCUDA([]sharedLibrary{{"libsundaetest3.so.13", "nvidia-test", "test-13"}})
	if err == nil || !strings.Contains(err.Error(), "libsundaetest3.so.13 is missing, and ") || !strings.Contains(err.Error(), "libsundaetest3.so.12 is of another version") {
		t.Errorf("with another version: %v", err)
	}
}

func TestPythonSites(t *testing.T) {
	active, conda := environment(t, "liba.so"), environment(t, "libb.so")
	t.Setenv("VIRTUAL_ENV", active)
	t.Setenv("CONDA_PREFIX", conda)
	sites := pythonSites()
	if len(sites) < 2 || !strings.HasPrefix(sites[0], active) || !strings.HasPrefix(sites[1], conda) {
		t.Errorf("the active environments are not first: %q", sites)
	}
	if folders := cudaFolders(); !slices.Contains(folders, filepath.Join(sites[0], "nvidia", "cu13", "lib")) {
		t.Errorf("%q lacks the environment's folder", folders)
	}
}

func TestStatus(t *testing.T) {
	for device, want := range map[string]string{CPU: "cpu", "nosuch": "nosuch", "cuda:99": "cuda:99"} {
		if got := Status(device); got != want {
			t.Errorf("%s is %q, want %q", device, got, want)
		}
	}
}
