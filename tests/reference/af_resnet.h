// AF-ResNet in the reference: ResNet whose first three stages have an ample branch at half the resolution that decides
// which frames the focal branch looks at.
#pragma once

#include "tests/reference/execution.h"

namespace afnet::reference {

void run_af_resnet(Execution &run, const Tensor4 &input);

/// One focal block on the focal stream, by its key. `mask` [f]. `last_relu`: behind the sum.
Tensor4 focal_block(Execution &run, const std::string &block, const Tensor4 &input, int output_channels,
                    const std::vector<double> &mask, bool last_relu);

} // namespace afnet::reference
