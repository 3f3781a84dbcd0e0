// Kernel libraries: shared objects of compiled kernels beside a JSON manifest that says what is in them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "HalideRuntime.h"
#include "runtime/kernel_spec.h"
#include "runtime/target.h"
#include "runtime/vendor_policy.h"

namespace afnet {

/// One row of a manifest.
struct KernelEntry {
    KernelSpec spec;
    std::string symbol;                // the spec's name
    std::map<std::string, int> knobs;  // values that the schedule settled on; packing follows from `co_block`
    // Of an executor's kernel, not in manifests: the vendor's kernel that runs in place of the symbol's, `cuDNN tf32`;
    // empty: none. Packing follows from it.
    std::string vendor = "";
};

/// What stands beside a kernel library; written by `afnet compile`, read before the library is opened.
struct Manifest {
    std::string model;                  // what it was compiled for
    std::string target;                 // runtime/target.h
    std::vector<std::string> features;  // that the CPU must have
    std::string library;                // file name of the shared object, beside the manifest
    std::string library_hash;           // XXH3-128 of the shared object
    std::string inputs;                 // hash of all that the library was made from
    std::vector<KernelEntry> kernels;
};

/// Throws Error when the file is no manifest of this version.
Manifest read_manifest(const std::string &path);
std::string manifest_text(const Manifest &manifest);

/// A kernel ready to be called.
struct Kernel {
    const KernelEntry *entry = nullptr;
    int (*run)(void **arguments) = nullptr;  // arguments in the order of `metadata`
    const halide_filter_metadata_t *metadata = nullptr;
};

/// An opened kernel library; closed with the object.
class KernelLibrary {
public:
    /// Checks that this CPU has the manifest's features *before* it opens the shared object. Throws Error when features
    /// are missing, the library is missing, was not made with this manifest, or lacks a kernel that it lists.
    explicit KernelLibrary(const std::string &manifest_path);
    /// The same with a manifest that was read from `manifest_path` before.
    KernelLibrary(const std::string &manifest_path, Manifest manifest);
    ~KernelLibrary();
    KernelLibrary(const KernelLibrary &) = delete;
    KernelLibrary &operator=(const KernelLibrary &) = delete;

    const Manifest &manifest() const { return manifest_; }
    /// nullptr where the library has no such kernel.
    const Kernel *find(const std::string &name) const;

private:
    Manifest manifest_;
    void *handle_ = nullptr;
    std::map<std::string, Kernel> kernels_;
};

/// The kernel libraries of one target in a folder, and of the targets that it extends: those whose manifest is called
/// `<model>.<target>.json`. Manifests are read, and libraries opened, as they are needed: most programs need one
/// model's. All functions may be called from any thread.
class KernelStore {
public:
    /// For the target that choose_library_target() takes.
    explicit KernelStore(const std::string &folder, Dtype dtype = Dtype::F32);
    /// Throws Error when the folder holds no library for `target`.
    KernelStore(const std::string &folder, const Target &target, const VendorPolicy &vendor_policy = {});

    /// The kernel for `spec`, looked for in `preferred_model`'s library first, then in all others. Throws Error when no
    /// library has it; says how to compile it.
    const Kernel &kernel(const KernelSpec &spec, const std::string &preferred_model);

    /// Why these libraries do not serve one who needs the kernels of `specs`, in words; empty: they do.
    std::string lack_of(const std::vector<KernelSpec> &specs);

    const Target &target() const { return target_; }
    /// How executors of these kernels use those of cuDNN and cuBLASLt; on CUDA alone.
    const VendorPolicy &vendor_policy() const { return vendor_policy_; }
    /// The libraries of the CPU: these, or where these are a GPU's, those that choose_library_target() takes in the same
    /// folder.
    KernelStore &host();
    /// Reads those that were not needed yet.
    std::vector<Manifest> manifests();
    /// How many manifests were read so far.
    size_t manifests_read() const;

private:
    struct Entry {
        std::string path;   // of the manifest
        std::string target; // as its name says
        std::optional<Manifest> manifest;
        std::unique_ptr<KernelLibrary> library;
    };
    // Both with mutex_ held.
    const Manifest &manifest_of(Entry &entry);
    const Kernel *find(Entry &entry, const std::string &name);
    bool lists(Entry &entry, const std::string &name);
    std::string absence(const KernelSpec &spec, size_t others) const;

    std::string folder_;
    Target target_;
    VendorPolicy vendor_policy_;
    mutable std::mutex mutex_;  // over entries_: plans are bound by several threads
    std::vector<Entry> entries_;
    std::once_flag host_chosen_;
    std::unique_ptr<KernelStore> host_;
};

/// The best target of the libraries in `folder` that runs here and has kernels of `dtype`, or the best for this CPU when
/// there are no libraries (runtime/target.h: choose_target). The manifests' names say which targets there are; none is
/// read.
const Target &choose_library_target(const std::string &folder, std::string *why = nullptr, Dtype dtype = Dtype::F32);

/// Whether a folder has a library for `target`, by the manifests' names.
bool has_kernel_libraries(const std::string &folder, const Target &target);

/// Where kernel libraries are: AFNET_KERNELS when set, else `kernels` in program_folder().
std::string kernel_folder();

/// The folder of the running program, or where this code is in a shared library, of that.
std::string program_folder();

}  // namespace afnet
