// Stand-ins for cuDNN and cuBLASLt within this process, on the fake CUDA driver.
#pragma once

#include "runtime/target.h"
#include "runtime/vendor_policy.h"
#include "tests/fake_cuda/fake_driver.h"

namespace afnet_test {

/// Loads them and the driver, on first use, before anything opens such a library; forgets what was asked of the driver.
const FakeCuda &fresh_fake_vendors();

/// The target whose kernels run there.
inline const afnet::Target &cuda() {
    return afnet::target_named("cuda-80");
}

/// Every layer that they have kernels for is theirs.
inline afnet::VendorPolicy everywhere(afnet::VendorRounding rounding) {
    return {afnet::VendorPolicy::Use::Everywhere, rounding};
}

} // namespace afnet_test
