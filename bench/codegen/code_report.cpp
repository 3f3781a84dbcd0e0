#include "bench/codegen/code_report.h"

#include <algorithm>
#include <cstdio>

#include "model/text_table.h"
#include "runtime/json.h"

namespace afnet {

namespace {

using Json = nlohmann::ordered_json;

// Columns that no kernel has a value for stay away.
std::vector<const CodeField *> fields_with_values(const std::vector<KernelCode> &codes) {
    std::vector<const CodeField *> fields;
    for (const CodeField &field : code_fields()) {
        if (std::any_of(codes.begin(), codes.end(), [&](const KernelCode &c) { return field.value(c).has_value(); })) {
            fields.push_back(&field);
        }
    }
    return fields;
}

std::string table_text(const CodegenResult &result) {
    const std::vector<const CodeField *> fields = fields_with_values(result.codes);
    std::vector<std::string> titles = {"kernel", "target"};
    for (const CodeField *field : fields)
        titles.push_back(field->title);
    TextTable table(titles, "ll" + std::string(fields.size(), 'r'));
    for (const KernelCode &code : result.codes) {
        std::vector<std::string> cells = {code.kernel, code.variant};
        for (const CodeField *field : fields)
            cells.push_back(field_text(*field, code));
        table.add(cells);
    }
    return table.text();
}

std::string details_text(const KernelCode &code) {
    std::string text = "\n" + code.kernel + ", " + code.variant + "\n";
    if (!code.resolved.empty()) text += "  knobs: " + knob_text(code.resolved) + "\n";
    if (!code.figures.all.fma.empty()) text += "  FMA: " + fma_mix(code.figures.all) + "\n";
    if (const LoopFigures *loop = code.figures.main_loop()) {
        const CodeCounts &c = loop->counts;
        text += "  main loop of " + std::to_string(code.figures.loops.size()) +
                " innermost ones: " + std::to_string(c.instructions) + " instructions, " +
                std::to_string(c.of(InstructionClass::Fma)) + " FMA, " + std::to_string(c.vector_registers) +
                " vector registers, " + std::to_string(c.spills()) + " spills, in " + loop->function + "\n";
    }
    if (code.prediction) {
        const LoopPrediction &p = *code.prediction;
        text += "  on " + p.processor + ": " + decimal(p.cycles, 2) + " cycles per iteration, " +
                decimal(p.throughput_cycles, 2) + " by ports alone; cycles of ports: " + pressure_text(p, 6) + "\n";
    }
    for (const ShapeSpeed &s : code.speed) {
        text += "  " + s.shape + " (" + std::to_string(s.count) + " x, " + s.layer + "): " + decimal(s.ms, 4) + " ms" +
                (s.gmac > 0
                     ? ", " + decimal(s.gmac_per_s(), 1) + " GMAC/s, " + decimal(s.percent_of_peak, 1) + "% of the peak"
                     : "") +
                "\n";
    }
    for (const std::string &remark : code.remarks)
        text += "  remark: " + remark + "\n";
    return text;
}

std::string ratio_text(double a, double b) {
    if (a == 0) return "";
    char text[32];
    std::snprintf(text, sizeof text, "%.3gx", b / a);
    return text;
}

std::string difference_text(const CodeDifference &difference) {
    const KernelCode &a = *difference.a, &b = *difference.b;
    std::string text = "\n" + a.kernel + ": " + a.variant + " | " + b.variant + "\n\n";
    TextTable fields({"", a.variant, b.variant, ""}, "lrrr");
    for (const CodeField *field : difference.fields) {
        const auto x = field->value(a), y = field->value(b);
        fields.add({field->title, field_text(*field, a), field_text(*field, b), x && y ? ratio_text(*x, *y) : ""});
    }
    if (fma_mix(a.figures.all) != fma_mix(b.figures.all)) {
        fields.add({"FMA", fma_mix(a.figures.all), fma_mix(b.figures.all), ""});
    }
    if (a.resolved != b.resolved) fields.add({"knobs", knob_text(a.resolved), knob_text(b.resolved), ""});
    text += difference.fields.empty() ? "no figure differs\n" : fields.text();
    if (difference.changed_lines() == 0) return text + "\nmain loops: the same instructions\n";
    TextTable loops({a.variant, "", b.variant}, "lcl");
    for (const LoopLine &line : difference.loops)
        loops.add({line.a, std::string(1, line.mark), line.b});
    return text + "\nmain loops (= the same, ~ the same mnemonic, < > on one side only)\n\n" + loops.text();
}

Json counts_json(const CodeCounts &counts) {
    Json json = {{"instructions", counts.instructions}, {"classes", Json::object()}, {"fma", Json(counts.fma)}};
    for (int kind = 0; kind < kInstructionClasses; kind++)
        json["classes"][class_name(InstructionClass(kind))] = counts.of_class[size_t(kind)];
    json["memory_operands"] = counts.memory_operands;
    json["widths"] = Json::object();
    for (const auto &[bits, count] : counts.widths)
        json["widths"][std::to_string(bits)] = count;
    json["dominant_width"] = counts.dominant_width();
    json["vector_registers"] = counts.vector_registers;
    json["frame_stores"] = counts.spill_stores;
    json["frame_loads"] = counts.spill_loads;
    json["frame_vectors"] = counts.vector_spills;
    return json;
}

Json loop_json(const LoopFigures &loop, bool text) {
    Json json = {{"function", loop.function}, {"begin", loop.begin}, {"depth", loop.depth}, {"blocks", loop.blocks}};
    json.update(counts_json(loop.counts));
    if (text) json["text"] = loop.text;
    return json;
}

Json prediction_json(const LoopPrediction &prediction) {
    Json json = {{"processor", prediction.processor},
                 {"cycles", prediction.cycles},
                 {"throughput_cycles", prediction.throughput_cycles},
                 {"instructions_per_cycle", prediction.instructions_per_cycle},
                 {"pressure", Json::object()}};
    for (const auto &[port, cycles] : prediction.pressure)
        json["pressure"][port] = cycles;
    return json;
}

Json code_json(const KernelCode &code) {
    Json json = {{"kernel", code.kernel},
                 {"variant", code.variant},
                 {"target", code.target.name},
                 {"generator", code.spec.generator},
                 {"params", code.spec.params},
                 {"knobs", code.knobs},
                 {"resolved", code.resolved},
                 {"files", code.files},
                 {"object_bytes", code.object_bytes},
                 {"code_bytes", code.code_bytes},
                 {"compile_ms", 1e3 * code.compile_seconds},
                 {"all", counts_json(code.figures.all)},
                 {"innermost", counts_json(code.figures.inner)},
                 {"loops", Json::array()},
                 {"main_loop", code.figures.main_loop() ? Json(code.figures.main) : Json()},
                 {"prediction", code.prediction ? prediction_json(*code.prediction) : Json()},
                 {"layers", code.use.layers},
                 {"kinds", code.use.kinds},
                 {"speed", Json::array()},
                 {"remarks", code.remarks}};
    for (size_t i = 0; i < code.figures.loops.size(); i++)
        json["loops"].push_back(loop_json(code.figures.loops[i], i == code.figures.main));
    for (const ShapeSpeed &s : code.speed) {
        json["speed"].push_back({{"shape", s.shape},
                                 {"layer", s.layer},
                                 {"count", s.count},
                                 {"ms", s.ms},
                                 {"gmac", s.gmac},
                                 {"gmac_per_s", s.gmac_per_s()},
                                 {"percent_of_peak", s.percent_of_peak}});
    }
    return json;
}

Json difference_json(const CodeDifference &difference) {
    Json json = {{"kernel", difference.a->kernel},
                 {"a", difference.a->variant},
                 {"b", difference.b->variant},
                 {"fields", Json::array()},
                 {"changed_lines", difference.changed_lines()},
                 {"loops", Json::array()}};
    for (const CodeField *field : difference.fields) {
        const auto x = field->value(*difference.a), y = field->value(*difference.b);
        json["fields"].push_back({{"field", field->key}, {"a", x ? Json(*x) : Json()}, {"b", y ? Json(*y) : Json()}});
    }
    for (const LoopLine &line : difference.loops)
        json["loops"].push_back({{"mark", std::string(1, line.mark)}, {"a", line.a}, {"b", line.b}});
    return json;
}

} // namespace

std::string report_text(const CodegenResult &result) {
    std::string text = table_text(result);
    for (const KernelCode &code : result.codes)
        text += details_text(code);
    for (const CodeDifference &difference : result.differences)
        text += difference_text(difference);
    return text;
}

Json report_json(const CodegenResult &result) {
    Json json = {{"output", result.output},
                 {"model", result.model},
                 {"rows", Json::array()},
                 {"differences", Json::array()},
                 {"remarks", result.remarks}};
    for (const KernelCode &code : result.codes)
        json["rows"].push_back(code_json(code));
    for (const CodeDifference &difference : result.differences)
        json["differences"].push_back(difference_json(difference));
    return json;
}

} // namespace afnet
