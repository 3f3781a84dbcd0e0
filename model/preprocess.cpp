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

EvaluationCrop frame_crop(Crop rule, int size) {
    if (rule == Crop::Evaluation) return evaluation_crop(size);
    EvaluationCrop crop;
    crop.width = crop.height = crop.size = size;
    crop.left = crop.top = 0;
    return crop;
}

namespace {

// The tables of one pass, as tensors of a plan.
struct Pass {
    TensorId weights = kNoTensor, first = kNoTensor;
    ResizeTable table;
    int to = 0;
};

TensorId add(Plan &plan, const char *name, ElementType type, std::vector<int> extents, Storage storage) {
    TensorInfo info;
    info.name = name;
    info.type = type;
    info.extents = std::move(extents);
    info.storage = storage;
    return plan.add(info);
}

// A pass whose tables have `storage`: constants take their extents with their elements.
Pass add_pass(Plan &plan, const char *label, KernelSpec kernel, TensorId from, TensorId to, ResizeTable table,
              Storage storage) {
    Pass pass;
    pass.to = int(table.first.size());
    const bool fixed = storage == Storage::Constant;
    pass.weights = add(plan, "weights", ElementType::Int32,
                       fixed ? std::vector<int>{} : std::vector<int>{table.taps, pass.to}, storage);
    pass.first =
        add(plan, "first", ElementType::Int32, fixed ? std::vector<int>{} : std::vector<int>{pass.to}, storage);
    pass.table = std::move(table);
    Step step;
    step.label = label;
    step.kernel = std::move(kernel);
    step.frames = 1;
    step.arguments = {{"input", from}, {"weights", pass.weights}, {"first", pass.first}, {"output", to}};
    plan.steps.push_back(std::move(step));
    return pass;
}

// The table of a pass that reads `from` columns from column `start` on. As many taps as `taps`: those that are too many
// weigh nothing. Flipped, the pass gives its columns from the last to the first.
ResizeTable box_table(int from, int to, int start, bool flip, int taps) {
    const ResizeTable table = resize_table(from, to);
    ResizeTable moved;
    moved.taps = taps;
    moved.first.resize(size_t(to));
    moved.weights.assign(size_t(taps) * size_t(to), 0);
    for (int i = 0; i < to; i++) {
        const size_t source = size_t(flip ? to - 1 - i : i);
        moved.first[size_t(i)] = table.first[source] + start;
        for (int t = 0; t < std::min(taps, table.taps); t++) {
            moved.weights[size_t(i) * size_t(taps) + size_t(t)] =
                table.weights[source * size_t(table.taps) + size_t(t)];
        }
    }
    return moved;
}

void write_input(Executor &executor, TensorId id, const std::vector<int> &values) {
    std::memcpy(executor.memory(id).data, values.data(), values.size() * sizeof(int));
}

}  // namespace

struct Preprocessor::Pipeline {
    int width = 0, height = 0;
    TensorId input = kNoTensor, resized = kNoTensor, output = kNoTensor;
    Pass columns, rows;  // of the box
    std::unique_ptr<Executor> executor;
};

Preprocessor::Preprocessor(KernelStore &kernels, const EvaluationCrop &crop)
    : kernels_(kernels.host()), crop_(crop) {}

Preprocessor::~Preprocessor() = default;

Preprocessor::Pipeline &Preprocessor::prepare(std::unique_ptr<Pipeline> &pipeline, const RgbFrame &frame, bool boxed) {
    if (frame.width < 1 || frame.height < 1 ||
        frame.data.size() != size_t(3) * size_t(frame.width) * size_t(frame.height)) {
        throw Error("a frame of " + std::to_string(frame.width) + "x" + std::to_string(frame.height) +
                    " pixels holds " + std::to_string(frame.data.size()) + " bytes");
    }
    if (pipeline && frame.width == pipeline->width && frame.height == pipeline->height) return *pipeline;
    auto made = std::make_unique<Pipeline>();
    Pipeline &p = *made;
    Plan plan;
    const int size = crop_.size;
    p.width = frame.width;
    p.height = frame.height;
    p.input = add(plan, "frame", ElementType::UInt8, {3, frame.width, frame.height}, Storage::Input);
    const TensorId columns =
        add(plan, "columns", ElementType::UInt8, {3, crop_.width, frame.height}, Storage::Arena);
    p.resized = add(plan, "resized", ElementType::UInt8, {3, crop_.width, crop_.height}, Storage::Kept);
    p.output = add(plan, "normalized", ElementType::Float32, {3, size, size}, Storage::Kept);
    const TensorId mean = add(plan, "mean", ElementType::Float32, {3}, Storage::Constant);
    const TensorId deviation = add(plan, "deviation", ElementType::Float32, {3}, Storage::Constant);

    const Pass passes[] = {add_pass(plan, "resize.columns", horizontal(), p.input, columns,
                                    resize_table(frame.width, crop_.width), Storage::Constant),
                           add_pass(plan, "resize.rows", vertical(), columns, p.resized,
                                    resize_table(frame.height, crop_.height), Storage::Constant)};
    TensorId shown = p.resized;
    if (boxed) {
        // Tables with room for the largest box.
        const TensorId box_columns = add(plan, "box.columns", ElementType::UInt8, {3, size, crop_.height}, Storage::Arena);
        shown = add(plan, "box", ElementType::UInt8, {3, size, size}, Storage::Arena);
        p.columns = add_pass(plan, "box.columns", horizontal(), p.resized, box_columns,
                             resize_table(crop_.width, size), Storage::Input);
        p.rows = add_pass(plan, "box.rows", vertical(), box_columns, shown, resize_table(crop_.height, size),
                          Storage::Input);
    }
    Step normalize;
    normalize.label = "normalize";
    normalize.kernel = KernelSpec("normalize");
    normalize.frames = 1;
    normalize.arguments = {{"input", shown}, {"mean", mean}, {"deviation", deviation}, {"output", p.output}};
    normalize.scalars = {{"left", boxed ? 0.0 : double(crop_.left)}, {"top", boxed ? 0.0 : double(crop_.top)}};
    plan.steps.push_back(std::move(normalize));

    p.executor = std::make_unique<Executor>(std::move(plan), kernels_, kPreprocessLibrary);
    p.executor->set_constant(mean, {3}, kMean);
    p.executor->set_constant(deviation, {3}, kDeviation);
    for (const Pass &pass : passes) {
        p.executor->set_constant(pass.weights, {pass.table.taps, pass.to}, pass.table.weights);
        p.executor->set_constant(pass.first, {pass.to}, pass.table.first);
    }
    pipeline = std::move(made);
    return *pipeline;
}

const float *Preprocessor::run(Pipeline &pipeline, const RgbFrame &frame) {
    std::memcpy(pipeline.executor->memory(pipeline.input).data, frame.data.data(), frame.data.size());
    pipeline.executor->run();
    return static_cast<const float *>(pipeline.executor->memory(pipeline.output).data);
}

const float *Preprocessor::run(const RgbFrame &frame) {
    return run(prepare(centre_, frame, false), frame);
}

const float *Preprocessor::run(const RgbFrame &frame, const CropBox &box) {
    if (box.width < 1 || box.height < 1 || box.left < 0 || box.top < 0 || box.left > crop_.width - box.width ||
        box.top > crop_.height - box.height) {
        throw Error("a crop of " + std::to_string(box.width) + "x" + std::to_string(box.height) + " at " +
                    std::to_string(box.left) + ", " + std::to_string(box.top) + " does not lie in a frame of " +
                    std::to_string(crop_.width) + "x" + std::to_string(crop_.height));
    }
    Pipeline &p = prepare(boxed_, frame, true);
    const ResizeTable columns = box_table(box.width, p.columns.to, box.left, box.flip, p.columns.table.taps);
    const ResizeTable rows = box_table(box.height, p.rows.to, box.top, false, p.rows.table.taps);
    write_input(*p.executor, p.columns.weights, columns.weights);
    write_input(*p.executor, p.columns.first, columns.first);
    write_input(*p.executor, p.rows.weights, rows.weights);
    write_input(*p.executor, p.rows.first, rows.first);
    return run(p, frame);
}

RgbFrame Preprocessor::resize(const RgbFrame &frame) {
    Pipeline &p = prepare(centre_, frame, false);
    run(p, frame);
    RgbFrame result;
    result.width = crop_.width;
    result.height = crop_.height;
    const auto *data = static_cast<const unsigned char *>(p.executor->memory(p.resized).data);
    result.data.assign(data, data + size_t(3) * size_t(crop_.width) * size_t(crop_.height));
    return result;
}

}  // namespace afnet
