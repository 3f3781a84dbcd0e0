// Any bytes as a safetensors file: either an Error, or tensors whose every element can be read.
#include <cstddef>
#include <cstdint>

#include "runtime/error.h"
#include "runtime/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try {
        const afnet::SafetensorsFile file = afnet::SafetensorsFile::from_memory(data, size, "input");
        for (const afnet::SafetensorsTensor &tensor : file.tensors()) {
            if (file.find(tensor.name) != &tensor) __builtin_trap();
            if (afnet::to_floats(tensor).size() != afnet::to_doubles(tensor).size()) __builtin_trap();
        }
    } catch (const afnet::Error &) {
    }
    return 0;
}
