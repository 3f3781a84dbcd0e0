#include "runtime/argument_view.h"

#include "runtime/arena.h"
#include "runtime/error.h"

namespace afnet {

namespace {

ArgumentView flat_view(const TensorInfo &tensor, const std::vector<int> &stored, const std::string &where) {
    if (tensor.border > 0 || tensor.zero_frame) throw Error(where + ": " + tensor.name + " has gaps");
    int elements = 1;
    for (int extent : stored)
        elements *= extent;
    ArgumentView view;
    view.dimensions.push_back({0, elements, 1, 0});
    return view;
}

} // namespace

std::string shape_text(const std::vector<int> &extents) {
    std::string text = "[";
    for (int extent : extents)
        text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
    return text + "]";
}

ArgumentView argument_view(const Argument &argument, const TensorInfo &tensor, const std::vector<int> &strides,
                           const std::string &where) {
    const std::vector<int> stored = stored_extents(tensor);
    if (argument.flat) return flat_view(tensor, stored, where);
    ArgumentView view;
    for (size_t d = 0; d < stored.size(); d++) {
        const bool bordered = tensor.border > 0 && (d == 1 || d == 2);
        const bool outermost = d + 1 == stored.size();
        int min = argument.surrounded && (d == 1 || d == 2) ? -1 : 0, extent = stored[d];
        if (bordered && argument.border) {
            min = -tensor.border;
        } else if (bordered) {
            extent -= 2 * tensor.border;
            view.offset += size_t(tensor.border) * size_t(strides[d]);
        }
        if (outermost && tensor.zero_frame && argument.frames != Frames::WithZeroFrame) extent -= 1;
        if (d == 0 && argument.single) continue;
        if (d == 0 && argument.groups > 0) {
            view.dimensions.push_back({0, extent / argument.groups, 1, 0});
            view.dimensions.push_back({0, argument.groups, extent / argument.groups, 0});
        } else {
            view.dimensions.push_back({min, extent, strides[d], 0});
        }
    }
    return view;
}

} // namespace afnet
