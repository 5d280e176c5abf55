package ort

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sundae/internal/ort/install"
)

// A sharedLibrary is one that a provider needs from NVIDIA.
type sharedLibrary struct {
	name string // as the loader knows it
	pip  string // the Python package that has it, "" if none does
	apt  string // the package in NVIDIA's repository
}

// cudaLibraries are what the CUDA provider needs, in dependency order.
var cudaLibraries = []sharedLibrary{
	{"libcuda.so.1", "", "cuda-drivers"},
	{"libcudart.so.13", "nvidia-cuda-runtime", "cuda-libraries-13-0"},
	{"libcublasLt.so.13", "nvidia-cublas", "cuda-libraries-13-0"},
	{"libcublas.so.13", "nvidia-cublas", "cuda-libraries-13-0"},
	{"libcurand.so.10", "nvidia-curand", "cuda-libraries-13-0"},
	{"libnvrtc.so.13", "nvidia-cuda-nvrtc", "cuda-libraries-13-0"},
	{"libcudnn.so.9", "nvidia-cudnn-cu13", "cudnn9-cuda-13"},
}

// tensorRTLibraries are what the TensorRT provider needs beyond these.
var tensorRTLibraries = []sharedLibrary{
	{"libnvinfer.so.10", "tensorrt-cu13", "libnvinfer10"},
	{"libnvonnxparser.so.10", "tensorrt-cu13", "libnvonnxparsers10"},
}

// Requirement is a library that the CUDA provider needs, for a report.
type Requirement struct {
	Name    string `json:"name"`
	Path    string `json:"path,omitempty"`    // where it was found
	Install string `json:"install,omitempty"` // how to get it, if it was not found
}

// CUDARequirements says for each library that the CUDA provider needs where it was
// found, or how to install it. Without an NVIDIA GPU there are none.
func CUDARequirements() []Requirement {
	if !HasNVIDIA() {
		return nil
	}
	folders := cudaFolders()
	var all []Requirement
	for _, l := range cudaLibraries {
		r := Requirement{Name: l.name}
		if path, ok := findLibrary(l.name, folders); ok {
			r.Path = path
		} else {
			r.Install = howToInstall(l)
		}
		all = append(all, r)
	}
	return all
}

// howToInstall says how to get libraries: with pip, unless one of them is in no Python
// package, or with apt.
func howToInstall(libraries ...sharedLibrary) string {
	var pip, apt []string
	for _, l := range libraries {
		pip, apt = append(pip, l.pip), append(apt, l.apt)
	}
	slices.Sort(apt)
	withAPT := "apt install " + strings.Join(slices.Compact(apt), " ")
	if slices.Contains(pip, "") {
		return withAPT + " from NVIDIA's repository"
	}
	slices.Sort(pip)
	return fmt.Sprintf("pip install %s, or %s from NVIDIA's repository", strings.Join(slices.Compact(pip), " "), withAPT)
}

// loadCUDA loads libraries by their full paths, so that nobody has to set
// LD_LIBRARY_PATH: a provider that is loaded later finds them in the process.
func loadCUDA(libraries []sharedLibrary) error {
	// Number the cards as NVML and nvidia-smi do, not by their speed.
	if _, set := os.LookupEnv("CUDA_DEVICE_ORDER"); !set {
		os.Setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
	}
	folders := cudaFolders()
	var missing []sharedLibrary
	for _, l := range libraries {
		path, ok := findLibrary(l.name, folders)
		if !ok {
			if other, ok := findOther(l.name, folders); ok {
				return fmt.Errorf("%s is missing, and %s is of another version: %s", l.name, other, howToInstall(l))
			}
			missing = append(missing, l)
			continue
		}
		if err := dlopen(path); err != nil {
			return fmt.Errorf("load %s: %w", path, err)
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("%s is missing (%s)", missing[0].name, howToInstall(missing[0]))
	}
	var names []string
	for _, l := range missing {
		names = append(names, l.name)
	}
	return fmt.Errorf("%s are missing (%s)", strings.Join(names, ", "), howToInstall(missing...))
}

// findLibrary returns the path of a library in the first of the folders that has it.
func findLibrary(name string, folders []string) (string, bool) {
	for _, dir := range folders {
		if path := filepath.Join(dir, name); exists(path) {
			return path, true
		}
	}
	return "", false
}

// findOther looks for another version of a library: libcudart.so.12 for .13.
func findOther(name string, folders []string) (string, bool) {
	stem, _, _ := strings.Cut(name, ".so.")
	for _, dir := range folders {
		if paths, _ := filepath.Glob(filepath.Join(dir, stem+".so.*")); len(paths) > 0 {
			return paths[0], true
		}
	}
	return "", false
}

// cudaFolders lists where CUDA's libraries may be: the loader's path, Python
// environments with the active one first, and CUDA's own folders.
func cudaFolders() []string {
	folders := install.SystemFolders()
	for _, site := range pythonSites() {
		for _, pattern := range []string{"nvidia/*/lib", "tensorrt_libs"} {
			found, _ := filepath.Glob(filepath.Join(site, pattern))
			folders = append(folders, found...)
		}
	}
	for _, pattern := range []string{"/usr/local/cuda/lib64", "/usr/local/cuda*/lib64", "/usr/local/cuda*/targets/*/lib", "/opt/cuda/lib64", "/usr/lib/wsl/lib"} {
		found, _ := filepath.Glob(pattern)
		folders = append(folders, found...)
	}
	return folders
}

// pythonSites lists the package folders of Python environments: that of VIRTUAL_ENV or
// CONDA_PREFIX, of the python3 on the PATH, of the user and of the system.
func pythonSites() []string {
	var prefixes []string
	for _, variable := range []string{"VIRTUAL_ENV", "CONDA_PREFIX"} {
		if dir := os.Getenv(variable); dir != "" {
			prefixes = append(prefixes, dir)
		}
	}
	if python, err := exec.LookPath("python3"); err == nil {
		prefixes = append(prefixes, filepath.Dir(filepath.Dir(python)))
		if real, err := filepath.EvalSymlinks(python); err == nil {
			prefixes = append(prefixes, filepath.Dir(filepath.Dir(real)))
		}
	}
	if home, err := os.UserHomeDir(); err == nil {
		prefixes = append(prefixes, filepath.Join(home, ".local"))
	}
	prefixes = append(prefixes, "/usr/local", "/usr")
	var sites []string
	for _, prefix := range prefixes {
		for _, pattern := range []string{"lib/python3*/site-packages", "lib/python3*/dist-packages"} {
			found, _ := filepath.Glob(filepath.Join(prefix, pattern))
			sites = append(sites, found...)
		}
	}
	return sites
}
