#include "tests/fake_cuda/fake_driver.h"

#include <dlfcn.h>
#include <sstream>
#include <stdexcept>

#include "HalideRuntime.h"

namespace afnet_test {

namespace {

const FakeCuda &loaded() {
    static const FakeCuda *functions = [] {
        // By its path; whoever asks for libcuda.so.1 afterwards gets the one that is there.
        void *library = dlopen(AFNET_FAKE_CUDA "/libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
        if (!library) throw std::runtime_error(dlerror());
        void *address = dlsym(library, "fake_cuda");
        if (!address) throw std::runtime_error(dlerror());
        return reinterpret_cast<const FakeCuda *(*)()>(address)();
    }();
    return *functions;
}

} // namespace

void release_unused_memory() {
    halide_reuse_device_allocations(nullptr, false);
    halide_reuse_device_allocations(nullptr, true);
}

const FakeCuda &fresh_fake_cuda() {
    const FakeCuda &fake = loaded();
    fake.reset();
    release_unused_memory();
    fake.reset();
    return fake;
}

std::vector<std::string> fake_calls(const std::string &word) {
    std::vector<std::string> calls;
    std::istringstream text(loaded().calls());
    for (std::string line; std::getline(text, line);) {
        if (line.rfind(word, 0) == 0) calls.push_back(line);
    }
    return calls;
}

} // namespace afnet_test
