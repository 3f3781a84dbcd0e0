// Stand-ins for cuDNN and cuBLASLt within this process, on the fake CUDA driver.
#pragma once

#include "tests/fake_cuda/fake_driver.h"

namespace afnet_test {

/// Loads them and the driver, on first use, before anything opens such a library; forgets what was asked of the driver.
const FakeCuda &fresh_fake_vendors();

} // namespace afnet_test
