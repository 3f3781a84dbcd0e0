// Any bytes as a PyTorch checkpoint if they look like a zip archive, and as a bare pickle otherwise: either an Error,
// or tensors with as many values as their shapes say. Checksums are ignored, as no mutation would ever get past one.
#include <cstddef>
#include <cstdint>

#include "runtime/element_type.h"
#include "runtime/error.h"
#include "runtime/pickle.h"
#include "runtime/torch_checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    try {
        if (size > 0 && data[0] != 'P') {
            const afnet::Pickle pickle(data, size, "input");
            return 0;
        }
        for (const afnet::TorchTensor &tensor :
             afnet::parse_torch_checkpoint(data, size, "input", afnet::Checksums::ignore)) {
            if (afnet::element_count(tensor.shape) != tensor.values.size()) __builtin_trap();
        }
    } catch (const afnet::Error &) {
    }
    return 0;
}
