#include "bench/codegen/code_fields.h"

#include <algorithm>

#include "model/text_table.h"

namespace afnet {

namespace {

using Value = std::optional<double>;

template <InstructionClass kind> Value number_of(const KernelCode &code) {
    return double(code.figures.all.of(kind));
}

template <InstructionClass kind> Value number_in_loop(const KernelCode &code) {
    const LoopFigures *loop = code.figures.main_loop();
    return loop ? Value(double(loop->counts.of(kind))) : Value();
}

std::vector<CodeField> whole_kernel() {
    return {
        {"instructions", "instr.", "instructions of the whole kernel, each counted once however often it runs", 0,
         [](const KernelCode &c) -> Value { return double(c.figures.all.instructions); }},
        {"fma", "FMA", "fused multiply-adds and dot products, whatever they read", 0, number_of<InstructionClass::Fma>},
        {"loads", "loads", "instructions that only bring a value from memory", 0, number_of<InstructionClass::Load>},
        {"stores", "stores", "instructions that store", 0, number_of<InstructionClass::Store>},
        {"vector", "vector", "other instructions on vectors", 0, number_of<InstructionClass::Vector>},
        {"scalar", "scalar", "other instructions, scalar floating point included", 0,
         number_of<InstructionClass::Scalar>},
        {"branches", "branches", "jumps and returns", 0, number_of<InstructionClass::Branch>},
        {"calls", "calls", "calls; most are of error messages", 0, number_of<InstructionClass::Call>},
        {"prefetches", "prefetch", "prefetches", 0, number_of<InstructionClass::Prefetch>},
        {"width", "bits", "width that most vector instructions have", 0,
         [](const KernelCode &c) -> Value { return double(c.figures.all.dominant_width()); }},
        {"vector_registers", "regs", "vector registers that are used", 0,
         [](const KernelCode &c) -> Value { return double(c.figures.all.vector_registers); }},
        {"spill_stores", "sp. st", "stores to the stack frame inside innermost loops", 0,
         [](const KernelCode &c) -> Value { return double(c.figures.inner.spill_stores); }},
        {"spill_loads", "sp. ld", "loads from the stack frame inside innermost loops", 0,
         [](const KernelCode &c) -> Value { return double(c.figures.inner.spill_loads); }},
        {"object_bytes", "object", "bytes of the object file", 0,
         [](const KernelCode &c) -> Value { return double(c.object_bytes); }},
        {"code_bytes", "code", "bytes of the object's sections with instructions", 0,
         [](const KernelCode &c) -> Value { return double(c.code_bytes); }},
        {"compile_ms", "compile ms", "processor time of the generator that makes the object", 0,
         [](const KernelCode &c) -> Value { return 1e3 * c.compile_seconds; }},
    };
}

std::vector<CodeField> main_loop() {
    return {
        {"loop_instructions", "loop instr.", "instructions of the main loop", 0,
         [](const KernelCode &c) -> Value {
             const LoopFigures *loop = c.figures.main_loop();
             return loop ? Value(double(loop->counts.instructions)) : Value();
         }},
        {"loop_fma", "loop FMA", "of these, fused multiply-adds", 0, number_in_loop<InstructionClass::Fma>},
        {"loop_loads", "loop loads", "of these, loads", 0, number_in_loop<InstructionClass::Load>},
        {"loop_spills", "loop spills", "of these, accesses to the stack frame", 0,
         [](const KernelCode &c) -> Value {
             const LoopFigures *loop = c.figures.main_loop();
             return loop ? Value(double(loop->counts.spills())) : Value();
         }},
        {"cycles", "cycles", "cycles that llvm-mca predicts for an iteration of the main loop", 2,
         [](const KernelCode &c) { return c.prediction ? Value(c.prediction->cycles) : Value(); }},
    };
}

std::vector<CodeField> speed() {
    return {
        {"ms", "ms", "of all steps of the model that run the kernel, added", 4,
         [](const KernelCode &c) {
             const auto sum = speed_sum(c);
             return sum ? Value(sum->ms) : Value();
         }},
        {"gmac_per_s", "GMAC/s", "1e9 multiply-accumulates per second", 1,
         [](const KernelCode &c) {
             const auto sum = speed_sum(c);
             return sum && sum->gmac > 0 ? Value(sum->gmac / sum->ms * 1e3) : Value();
         }},
        {"percent_of_peak", "% of peak", "of the multiply-accumulate peak, measured in turn with the kernel", 1,
         [](const KernelCode &c) {
             const auto sum = speed_sum(c);
             return sum && sum->gmac > 0 ? Value(sum->percent_of_peak) : Value();
         }},
    };
}

} // namespace

const std::vector<CodeField> &code_fields() {
    static const std::vector<CodeField> fields = [] {
        std::vector<CodeField> all = whole_kernel();
        for (const std::vector<CodeField> &more : {main_loop(), speed()})
            all.insert(all.end(), more.begin(), more.end());
        return all;
    }();
    return fields;
}

std::string field_text(const CodeField &field, const KernelCode &code) {
    const Value value = field.value(code);
    return value ? decimal(*value, field.decimals) : "";
}

std::optional<SpeedSum> speed_sum(const KernelCode &code) {
    if (code.speed.empty()) return std::nullopt;
    SpeedSum sum;
    for (const ShapeSpeed &speed : code.speed) {
        sum.ms += speed.count * speed.ms;
        sum.gmac += speed.count * speed.gmac;
        sum.percent_of_peak += speed.count * speed.ms * speed.percent_of_peak;
    }
    sum.percent_of_peak /= sum.ms;
    return sum;
}

std::string fma_mix(const CodeCounts &counts) {
    std::vector<std::pair<std::string, size_t>> mix(counts.fma.begin(), counts.fma.end());
    std::stable_sort(mix.begin(), mix.end(), [](const auto &a, const auto &b) { return a.second > b.second; });
    std::string text;
    for (const auto &[name, count] : mix)
        text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
    return text;
}

std::string pressure_text(const LoopPrediction &prediction, size_t most) {
    std::string text;
    for (size_t i = 0; i < std::min(most, prediction.pressure.size()); i++) {
        text += (i == 0 ? "" : ", ") + prediction.pressure[i].first + " " + decimal(prediction.pressure[i].second, 2);
    }
    return text;
}

} // namespace afnet
