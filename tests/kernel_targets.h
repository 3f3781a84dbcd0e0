// Every target whose kernels this machine can run and this build has compiled: tests of kernels go over all of them.
// Targets with bf16 kernels may be none: what is about bf16 alone is skipped then.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/kernel_library.h"

namespace afnet {

/// Of f64, whose kernels serve to check gradients, one target at most has test kernels (tests/CMakeLists.txt).
std::vector<Target> runnable_targets(Dtype dtype = Dtype::F32);

/// The dtypes that some target computes here.
std::vector<Dtype> runnable_dtypes();

/// Those targets, and those with tile registers where tests emulate them (tests/tile_emulator.h). To be called in the
/// test case that runs the kernels.
std::vector<Target> executable_targets(Dtype dtype);
/// Of these, the ones whose own libraries hold the kernel.
std::vector<Target> executable_targets(const KernelSpec &spec);

/// The targets that a test which calls kernels directly goes over: those of runnable_targets() or executable_targets(),
/// or, with AFNET_TEST_GPU set, `opencl` alone. Throws std::runtime_error where there is no OpenCL device then.
std::vector<Target> called_targets(Dtype dtype);
std::vector<Target> called_targets(const KernelSpec &spec);
/// Dtypes that some of those compute.
std::vector<Dtype> called_dtypes();
/// Whether AFNET_TEST_GPU is set.
bool testing_gpu();

/// Whether a folder has libraries for a target: shipped models may be without those for tile registers.
bool has_libraries(const std::string &folder, const Target &target);

/// The libraries in a folder for a target of executable_targets().
std::unique_ptr<KernelStore> open_kernels(const std::string &folder, const Target &target);

/// The test kernels of a target; opened once per program.
KernelStore &test_kernel_store(const Target &target);

} // namespace afnet
