// AF-MobileNetV3 in the reference: MobileNetV3-Large whose 40- and 80-channel stages have an ample and a focal branch.
#pragma once

#include "tests/reference/execution.h"

namespace afnet::reference {

/// The number of focal blocks, hence of masks.
constexpr int kAfMobileNetV3Masks = 5;

void run_af_mobilenetv3(Execution &run, const Tensor4 &input);

} // namespace afnet::reference
