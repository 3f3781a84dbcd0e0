// What is installed here: the CPU, the target that is used, and the kernel libraries beside the program.
#pragma once

#include <string>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

/// What is wrong is noted, not thrown: this is where a user looks when something does not work.
struct Installation {
    int threads = 0;
    const Target *chosen = nullptr;   // none where AFNET_TARGET names one that cannot be used
    std::string why;                  // that target, or none
    std::string folder;               // of kernel libraries; it may be missing
    std::vector<Manifest> libraries;  // for all targets, in the order of their names
    std::vector<std::string> faults;  // of files in the folder that should be manifests

    std::vector<const Manifest *> libraries_for(const Target &target) const;

    /// The file name of the library that has a kernel, of the chosen target or one that it extends; as in KernelStore,
    /// the one made for `model` comes first. Empty where none has it.
    std::string library_with(const std::string &kernel, const std::string &model) const;
};

/// Looks at this machine, for networks of `dtype`, and sets the number of kernel threads; 0: one per processor that
/// this process may use.
Installation look_around(int threads, Dtype dtype = Dtype::F32);

/// What `--device` can name, or why it is not there.
struct InstalledDevice {
    GpuInterface interface = GpuInterface::None;
    std::string name;        // as its driver calls it; empty: there is none
    std::string platform;    // of OpenCL
    size_t memory_bytes = 0; // of a GPU
    int cuda_capability = 0; // 10 * major + minor
    std::string obstacle;    // why networks cannot run there; empty: they can
    // Of CUDA, where they can: vendors' libraries by name, and why each cannot be used; empty: it can.
    std::vector<std::pair<std::string, std::string>> vendor_libraries = {};
};

/// The CPU, then every GPU that a driver shows; one row says why an interface shows none. Nothing is opened on them.
std::vector<InstalledDevice> installed_devices(const Installation &here);

/// Why kernels for `target` cannot run here; empty where they can.
std::string obstacle(const Target &target);

/// Words with spaces between them, or `none`.
std::string word_list(const std::vector<std::string> &words);

}  // namespace afnet
