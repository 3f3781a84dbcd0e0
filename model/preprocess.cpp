#include "model/preprocess.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/error.h"

namespace afnet {

namespace {

KernelSpec horizontal() {
    return KernelSpec("resize").set("vertical", false);
}

KernelSpec vertical() {
    return KernelSpec("resize").set("vertical", true);
}

// ImageNet's statistics, RGB.
const std::vector<float> kMean = {0.485f, 0.456f, 0.406f}, kDeviation = {0.229f, 0.224f, 0.225f};

}  // namespace

std::vector<KernelSpec> preprocess_specs() {
    return {horizontal(), vertical(), KernelSpec("normalize")};
}

ResizeTable resize_table(int from, int to) {
    constexpr int kBits = 22;
    const double scale = double(from) / to, support = std::max(1.0, scale);
    ResizeTable table;
    table.taps = int(std::ceil(support)) * 2 + 1;
    table.first.resize(size_t(to));
    table.weights.assign(size_t(table.taps) * size_t(to), 0);
    std::vector<double> weight;
    for (int i = 0; i < to; i++) {
        const double centre = (i + 0.5) * scale;
        const int first = std::max(0, int(centre - support + 0.5));
        const int end = std::min(from, int(centre + support + 0.5));
        double sum = 0;
        weight.clear();
        for (int j = first; j < end; j++) {
            const double distance = std::abs((j - centre + 0.5) * (1.0 / support));
            weight.push_back(distance < 1 ? 1 - distance : 0);
            sum += weight.back();
        }
        table.first[size_t(i)] = first;
        for (size_t t = 0; t < weight.size(); t++) {
            table.weights[size_t(i) * size_t(table.taps) + t] = int(0.5 + weight[t] / sum * (1 << kBits));
        }
    }
    return table;
}

EvaluationCrop evaluation_crop(int size) {
    EvaluationCrop crop;
    crop.size = size;
    crop.width = int(std::lround(320.0 * size / 224));
    crop.height = int(std::lround(240.0 * size / 224));
    crop.left = (crop.width - size) / 2;
    crop.top = (crop.height - size) / 2;
    return crop;
}

Preprocessor::Preprocessor(KernelStore &kernels, const EvaluationCrop &crop) : kernels_(kernels), crop_(crop) {}

void Preprocessor::prepare(int width, int height) {
    if (executor_ && width == width_ && height == height_) return;
    Plan plan;
    const auto add = [&](const char *name, ElementType type, std::vector<int> extents, Storage storage) {
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.extents = std::move(extents);
        info.storage = storage;
        return plan.add(info);
    };
    input_ = add("frame", ElementType::UInt8, {3, width, height}, Storage::Input);
    const TensorId columns = add("columns", ElementType::UInt8, {3, crop_.width, height}, Storage::Arena);
    resized_ = add("resized", ElementType::UInt8, {3, crop_.width, crop_.height}, Storage::Kept);
    output_ = add("normalized", ElementType::Float32, {3, crop_.size, crop_.size}, Storage::Kept);
    const TensorId mean = add("mean", ElementType::Float32, {3}, Storage::Constant);
    const TensorId deviation = add("deviation", ElementType::Float32, {3}, Storage::Constant);

    struct Pass {
        TensorId weights, first;
        ResizeTable table;
        int to;
    };
    std::vector<Pass> passes;
    const auto resize = [&](const char *label, KernelSpec kernel, TensorId from, TensorId to, int old_size,
                            int new_size) {
        Pass pass = {add("weights", ElementType::Int32, {}, Storage::Constant),
                     add("first", ElementType::Int32, {}, Storage::Constant), resize_table(old_size, new_size), new_size};
        Step step;
        step.label = label;
        step.kernel = std::move(kernel);
        step.frames = 1;
        step.arguments = {{"input", from}, {"weights", pass.weights}, {"first", pass.first}, {"output", to}};
        plan.steps.push_back(std::move(step));
        passes.push_back(std::move(pass));
    };
    resize("resize.columns", horizontal(), input_, columns, width, crop_.width);
    resize("resize.rows", vertical(), columns, resized_, height, crop_.height);
    Step normalize;
    normalize.label = "normalize";
    normalize.kernel = KernelSpec("normalize");
    normalize.frames = 1;
    normalize.arguments = {{"input", resized_}, {"mean", mean}, {"deviation", deviation}, {"output", output_}};
    normalize.scalars = {{"left", double(crop_.left)}, {"top", double(crop_.top)}};
    plan.steps.push_back(std::move(normalize));

    executor_ = std::make_unique<Executor>(std::move(plan), kernels_, kPreprocessLibrary);
    executor_->set_constant(mean, {3}, kMean);
    executor_->set_constant(deviation, {3}, kDeviation);
    for (const Pass &pass : passes) {
        executor_->set_constant(pass.weights, {pass.table.taps, pass.to}, pass.table.weights);
        executor_->set_constant(pass.first, {pass.to}, pass.table.first);
    }
    width_ = width;
    height_ = height;
}

const float *Preprocessor::run(const RgbFrame &frame) {
    if (frame.width < 1 || frame.height < 1 || frame.data.size() != size_t(3) * size_t(frame.width) * size_t(frame.height)) {
        throw Error("a frame of " + std::to_string(frame.width) + "x" + std::to_string(frame.height) + " pixels holds " +
                    std::to_string(frame.data.size()) + " bytes");
    }
    prepare(frame.width, frame.height);
    std::memcpy(executor_->memory(input_).data, frame.data.data(), frame.data.size());
    executor_->run();
    return static_cast<const float *>(executor_->memory(output_).data);
}

RgbFrame Preprocessor::resize(const RgbFrame &frame) {
    run(frame);
    RgbFrame result;
    result.width = crop_.width;
    result.height = crop_.height;
    const auto *data = static_cast<const unsigned char *>(executor_->memory(resized_).data);
    result.data.assign(data, data + size_t(3) * size_t(crop_.width) * size_t(crop_.height));
    return result;
}

}  // namespace afnet
