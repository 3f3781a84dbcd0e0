// What scattered patches cost the 3x3 convolution of a focal block: the kernel by itself, on the list of a mask and on
// a contiguous list of as many pixels.
#pragma once

#include "model/isolated_step.h"
#include "model/pixel_lists.h"

namespace afnet {

struct HaloFigures {
    double ms = 0, contiguous_ms = 0; // medians; 0 without a pixel
    double computed = 1, read = 1;    // pixels that the mask's tiles compute, and read, over those that are listed
};

class HaloBench {
public:
    /// Of focal block `block`, by its name, of a network with masks in space.
    HaloBench(const LoweredNetwork &network, const std::string &block, KernelStore &kernels, const std::string &model,
              const Weights &weights);

    int tile_side() const { return side_; }
    /// Both lists in turn.
    HaloFigures measure(const PixelSelection &pixels);

private:
    void give(const PixelLists &lists, const PixelSelection &pixels);
    void call(const PixelLists &lists, const PixelSelection &pixels, std::vector<double> &ms);

    IsolatedStep step_;
    int side_ = 0;
};

} // namespace afnet
