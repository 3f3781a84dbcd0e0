#include "model/macs.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "model/lowering.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// A gate is a mean over pixels and two linears: squeeze-and-excitation, and the fusion weights. They are one row, under
// the name that their labels share; empty for labels of other steps.
std::string gate_of(const std::string &label) {
    if (label.find(".se.") == std::string::npos && label.find("att_gen") == std::string::npos) return "";
    for (const char *part : {".pool", ".fc.0", ".fc.2"}) {
        if (ends_with(label, part)) return label.substr(0, label.rfind(part));
    }
    return "";
}

// What labels of layers end in that a plan has once more for listed pixels (model/plan_builder_spatial.cpp).
const std::string kWhole = ".whole";

class Ledger {
public:
    Ledger(const ModelDescription &description, RunShape shape) : family_(description.family), frames_(shape.frames) {
        shape.on_gpu = false; // whose plans have whole frames as well
        network_ = lower(description, shape);
        for (const Step &step : network_.plan.steps) enter(step);
    }

    std::vector<LayerMacs> rows() const {
        std::vector<LayerMacs> kept;
        for (LayerMacs row : rows_) {
            // Static networks are published by their convolutions and linears.
            if (family_ == Family::ResNet) row.official = row.conv;
            if (row.conv != 0 || row.official != 0) kept.push_back(row);
        }
        return kept;
    }

private:
    void enter(const Step &step) {
        const std::string &generator = step.kernel.generator;
        const int64_t macs = std::llround(whole_frame_macs(network_, step));
        if (step.macs > 0 && macs == 0) return; // a layer's other way counts
        const std::string gate = gate_of(step.label);
        if (generator == "stem") {
            add(step, "conv1", macs, macs);
            add(step, "maxpool", 0, 9 * elements(step, "output"));
        } else if (generator == "avg_pool") {
            add(step, step.label, 0, 9 * elements(step, "output"));
        } else if (generator == "spatial_mean" || generator == "owed_mean") {
            // MobileNetV3's last mean escapes the counter.
            const bool counted = step.label != "gappool" || family_ == Family::AfResNet;
            add(step, gate.empty() ? step.label : gate, 0, counted ? elements(step, "input") : 0);
        } else if (generator == "expand_depthwise") {
            // Two layers, `block.conv1+conv2`.
            const size_t plus = step.label.find('+'), dot = step.label.rfind('.', plus);
            const int64_t k = std::stoi(step.kernel.params.at("kernel")), spatial = k * k * elements(step, "output");
            const std::string first = step.label.substr(0, plus);
            add(step, first, macs - spatial, macs - spatial);
            add(step, first.substr(0, dot + 1) + step.label.substr(plus + 1), spatial, spatial);
        } else if (generator == "navigation") {
            const int64_t pool = 2 * channels(step, "pooled");
            add(step, step.label + ".conv_pool", pool, pool);
            add(step, step.label + ".conv_gs", macs - pool, (macs - pool) * frames_);
        } else if (!gate.empty() && generator == "linear") {
            add(step, gate, macs, gate_linear(step));
        } else if (generator == "linear" && step.label == "fc" && family_ == Family::AfResNet) {
            const int64_t in = channels(step, "input");
            add(step, step.label, macs, in * in);
        } else {
            add(step, without_way(step.label), macs, macs);
        }
    }

    static std::string without_way(const std::string &label) {
        return ends_with(label, kWhole) ? label.substr(0, label.size() - kWhole.size()) : label;
    }

    // The counter takes C^2 / 4 (squeeze-and-excitation) or C^2 / 16 (fusion weights) for either linear, rounded down,
    // whatever the true width between them, and C for the multiplication by the result.
    int64_t gate_linear(const Step &step) const {
        const bool last = ends_with(step.label, ".fc.2");
        const int64_t c = channels(step, last ? "output" : "input");
        const int64_t divisor = step.label.find(".se.") != std::string::npos ? 4 : 16;
        return c * c / divisor + (last ? c : 0);
    }

    void add(const Step &step, const std::string &layer, int64_t conv, int64_t official) {
        if (rows_.empty() || rows_.back().layer != layer)
            rows_.push_back({layer, step.count == kNoTensor ? -1 : block_of(network_, step)});
        rows_.back().conv += conv;
        rows_.back().official += official;
    }

    const std::vector<int> &extents(const Step &step, const std::string &argument) const {
        const auto found = std::find_if(step.arguments.begin(), step.arguments.end(),
                                        [&](const Argument &a) { return a.name == argument; });
        return network_.plan.tensors[size_t(found->tensor)].extents;
    }

    int64_t channels(const Step &step, const std::string &argument) const { return extents(step, argument)[0]; }

    // Of one frame: the last extent counts frames.
    int64_t elements(const Step &step, const std::string &argument) const {
        const std::vector<int> &all = extents(step, argument);
        return std::accumulate(all.begin(), all.end() - 1, int64_t(1), std::multiplies<int64_t>());
    }

    Family family_;
    int frames_;
    LoweredNetwork network_;
    std::vector<LayerMacs> rows_;
};

}  // namespace

std::vector<LayerMacs> layer_macs(const ModelDescription &description, const RunShape &shape) {
    return Ledger(description, shape).rows();
}

MacTotals total_macs(const std::vector<LayerMacs> &layers, int64_t LayerMacs::*column) {
    MacTotals totals;
    for (const LayerMacs &layer : layers) (layer.block < 0 ? totals.dense : totals.gated) += layer.*column;
    return totals;
}

int64_t learnable_parameters(const std::vector<ParameterInfo> &parameters) {
    int64_t count = 0;
    for (const ParameterInfo &parameter : parameters) {
        if (ends_with(parameter.key, ".running_mean") || ends_with(parameter.key, ".running_var")) continue;
        const auto &shape = parameter.shape;
        count += std::accumulate(shape.begin(), shape.end(), int64_t(1), std::multiplies<int64_t>());
    }
    return count;
}

}  // namespace afnet
