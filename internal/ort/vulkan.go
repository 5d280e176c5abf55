package ort

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The few declarations of the Vulkan 1.0 API that listing the adapters needs. The
// loader is opened at run time, so that machines without Vulkan run the program.

typedef struct {
	int32_t type;
	const void *next;
	uint32_t flags;
	const void *application;
	uint32_t layers;
	const char *const *layerNames;
	uint32_t extensions;
	const char *const *extensionNames;
} instanceInfo;

// The start of VkPhysicalDeviceProperties, which has less than 1024 bytes in all.
typedef struct {
	uint32_t apiVersion, driverVersion, vendor, device;
	int32_t kind;
	char name[256];
	char rest[1024];
} deviceProperties;

typedef struct {
	char name[256];
	int32_t kind;
	uint32_t driverVersion, vendor;
} adapter;

typedef int32_t (*createInstance)(const instanceInfo *, const void *, void **);
typedef void (*destroyInstance)(void *, const void *);
typedef int32_t (*enumerate)(void *, uint32_t *, void **);
typedef void (*properties)(void *, deviceProperties *);

// listAdapters writes up to max adapters and returns their number, or -1 if there is
// no Vulkan loader, or -2 if it has no driver.
static int listAdapters(const char *library, adapter *out, int max) {
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!lib) return -1;
	createInstance create = (createInstance)dlsym(lib, "vkCreateInstance");
	destroyInstance destroy = (destroyInstance)dlsym(lib, "vkDestroyInstance");
	enumerate list = (enumerate)dlsym(lib, "vkEnumeratePhysicalDevices");
	properties describe = (properties)dlsym(lib, "vkGetPhysicalDeviceProperties");
	int found = -2;
	void *instance = NULL;
	instanceInfo info = { .type = 1 };
	if (create && destroy && list && describe && create(&info, NULL, &instance) == 0) {
		void *devices[16];
		uint32_t n = max < 16 ? max : 16;
		int32_t result = list(instance, &n, devices);
		if (result == 0 || result == 5) { // 5: there are more than n
			found = n;
			for (uint32_t i = 0; i < n; i++) {
				deviceProperties p;
				memset(&p, 0, sizeof p);
				describe(devices[i], &p);
				memcpy(out[i].name, p.name, sizeof p.name);
				out[i].kind = p.kind;
				out[i].driverVersion = p.driverVersion;
				out[i].vendor = p.vendor;
			}
		}
		destroy(instance, NULL);
	}
	dlclose(lib);
	return found;
}
*/
import "C"

import (
	"errors"
	"unsafe"
)

// vulkanAdapter is a device that Vulkan can compute on.
type vulkanAdapter struct {
	name     string
	driver   uint32 // version in the vendor's own encoding
	software bool   // it computes on the CPU, as SwiftShader and llvmpipe do
}

// vulkanCPU is VK_PHYSICAL_DEVICE_TYPE_CPU.
const vulkanCPU = 4

var (
	errNoVulkan       = errors.New("the Vulkan loader is not installed (Debian and Ubuntu: apt install libvulkan1)")
	errNoVulkanDriver = errors.New("there is no Vulkan driver for a GPU (NVIDIA's driver brings one; for others on Debian and Ubuntu: apt install mesa-vulkan-drivers)")
)

// vulkanAdapters lists the adapters of this machine.
func vulkanAdapters() ([]vulkanAdapter, error) {
	library := C.CString("libvulkan.so.1")
	defer C.free(unsafe.Pointer(library))
	var found [16]C.adapter
	n := C.listAdapters(library, &found[0], C.int(len(found)))
	switch {
	case n == -1:
		return nil, errNoVulkan
	case n < 1:
		return nil, errNoVulkanDriver
	}
	var all []vulkanAdapter
	for _, a := range found[:n] {
		all = append(all, vulkanAdapter{name: C.GoString(&a.name[0]), driver: uint32(a.driverVersion), software: a.kind == vulkanCPU})
	}
	return all, nil
}
