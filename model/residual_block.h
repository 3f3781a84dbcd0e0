// What the residual blocks of ResNets share, and the basic block of the shallow ones (ResNet-18 and -34). The
// bottleneck is in model/lower_resnet.cpp.
#pragma once

#include <string>

#include "model/network_builder.h"

namespace afnet {

/// How a shortcut follows a stride: by an average pool, or by the projection's stride.
enum class Shortcut { Pooled, Strided };

/// A residual block outside the focal branch.
struct ResidualBlock {
    std::string key;
    int out = 0, stride = 1;
    Shortcut shortcut = Shortcut::Pooled;
    bool last_relu = true;
    bool pools() const { return stride != 1 && shortcut == Shortcut::Pooled; }
};

/// `key.i`
std::string numbered(const std::string &key, int i);

/// The pool of a shortcut that has one, else `in`.
Feature pooled_shortcut(NetworkBuilder &b, const Feature &in, const ResidualBlock &block);
/// The projection of `shortcut`, which the pool has been through, where it still has not the channels or the size of
/// the block's end.
Feature projected_shortcut(NetworkBuilder &b, const Feature &shortcut, const ResidualBlock &block);

/// 3x3 with the stride, 3x3, each with BatchNorm; added onto the shortcut, in place (AFNET_SPEC §11). Without a stride
/// and a projection that is `in` itself, which nothing else may need any more.
Feature basic_block(NetworkBuilder &b, const Feature &in, const ResidualBlock &block);

/// The residual branch of a focal basic block: as focal_branch of the bottleneck (model/lower_resnet.cpp), gather fused
/// into the first convolution and scatter into the second; both in `groups` groups.
Feature basic_focal_branch(NetworkBuilder &b, const std::string &key, const Feature &in, const Feature &onto,
                           const Selection *selection, const std::string &activation, int groups);

} // namespace afnet
