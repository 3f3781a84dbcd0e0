// AF-ResNet in the reference: ResNet whose first three stages have an ample branch at half the resolution that decides
// which frames the focal branch looks at.
#pragma once

#include "tests/reference/execution.h"

namespace afnet::reference {

void run_af_resnet(Execution &run, const Tensor4 &input);

} // namespace afnet::reference
