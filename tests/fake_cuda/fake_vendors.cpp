#include "tests/fake_cuda/fake_vendors.h"

#include <dlfcn.h>
#include <stdexcept>

namespace afnet_test {

namespace {

// By its path; whoever asks for it by its name afterwards gets the one that is there.
void load(const char *path) {
    if (!dlopen(path, RTLD_NOW | RTLD_LOCAL)) throw std::runtime_error(dlerror());
}

} // namespace

const FakeCuda &fresh_fake_vendors() {
    const FakeCuda &fake = fresh_fake_cuda();
    load(AFNET_FAKE_CUDA "/libcudnn.so.9");
    load(AFNET_FAKE_CUDA "/libcublasLt.so.13");
    return fake;
}

} // namespace afnet_test
