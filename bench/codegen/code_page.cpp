// Results of `afnet codegen` as a page.
#include <algorithm>
#include <map>

#include "bench/codegen/code_report.h"
#include "bench/html_page.h"
#include "model/text_table.h"
#include "runtime/text.h"

namespace afnet {

namespace {

// Of a name in an address: what is not a letter, a digit or harmless, as %XX.
std::string address_of(const std::string &path) {
    static const std::string harmless = "/-._~";
    static const char digits[] = "0123456789ABCDEF";
    std::string text;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           harmless.find(c) != std::string::npos;
        text += plain ? std::string(1, c) : std::string{'%', digits[byte >> 4], digits[byte & 15]};
    }
    return text;
}

PageCell files_of(const KernelCode &code, const std::string &folder) {
    PageCell cell;
    if (folder.empty()) return cell;
    for (const EmittedKind &kind : emitted_kinds()) {
        const auto file = code.files.find(kind.name);
        if (file != code.files.end()) cell.links.push_back({kind.name, address_of(folder + "/" + file->second)});
    }
    return cell;
}

// The codes of one variant, with their places in the result.
struct VariantCodes {
    std::string name;
    std::vector<size_t> places;
};

std::vector<VariantCodes> by_variant(const CodegenResult &result) {
    std::vector<VariantCodes> variants;
    for (size_t i = 0; i < result.codes.size(); i++) {
        const std::string &name = result.codes[i].variant;
        auto found = std::find_if(variants.begin(), variants.end(), [&](const auto &v) { return v.name == name; });
        if (found == variants.end()) found = variants.insert(variants.end(), VariantCodes{name, {}});
        found->places.push_back(i);
    }
    return variants;
}

// Of all kernels of a variant together.
void add_sums(HtmlPage &page, const CodegenResult &result, const std::vector<VariantCodes> &variants) {
    std::vector<std::vector<PageCell>> rows;
    for (const VariantCodes &variant : variants) {
        CodeCounts counts, inner;
        size_t registers = 0, bytes = 0;
        double seconds = 0, ms = 0, gmac = 0, peak = 0;
        for (size_t place : variant.places) {
            const KernelCode &code = result.codes[place];
            counts.instructions += code.figures.all.instructions;
            for (size_t kind = 0; kind < counts.of_class.size(); kind++)
                counts.of_class[kind] += code.figures.all.of_class[kind];
            for (const auto &[bits, count] : code.figures.all.widths)
                counts.widths[bits] += count;
            registers = std::max(registers, code.figures.all.vector_registers);
            inner.spill_stores += code.figures.inner.spill_stores;
            inner.spill_loads += code.figures.inner.spill_loads;
            bytes += code.object_bytes;
            seconds += code.compile_seconds;
            const auto speed = speed_sum(code);
            if (!speed) continue;
            ms += speed->ms;
            gmac += speed->gmac;
            peak += speed->ms * speed->percent_of_peak;
        }
        const auto number = [](size_t value) { return PageCell{std::to_string(value)}; };
        rows.push_back({{variant.name},
                        number(variant.places.size()),
                        number(counts.instructions),
                        number(counts.of(InstructionClass::Fma)),
                        number(counts.of(InstructionClass::Load)),
                        number(counts.of(InstructionClass::Store)),
                        {std::to_string(counts.dominant_width())},
                        number(registers),
                        number(inner.spills()),
                        number(bytes),
                        {decimal(seconds, 1)},
                        {ms > 0 ? decimal(ms, 2) : ""},
                        {gmac > 0 ? decimal(gmac / ms * 1e3, 1) : ""},
                        {gmac > 0 ? decimal(peak / ms, 1) : ""}});
    }
    page.sortable_table({"target", "kernels", "instr.", "FMA", "loads", "stores", "bits", "most regs", "spills",
                         "object bytes", "compile s", "ms", "GMAC/s", "% of peak"},
                        rows, 1);
}

std::string loop_id(size_t place) {
    return "loop" + std::to_string(place);
}

PageCell kernel_cell(const KernelCode &code, size_t place) {
    PageCell cell{code.kernel};
    if (code.figures.main_loop()) cell.links.push_back({"loop", "#" + loop_id(place)});
    return cell;
}

// Kernels of one variant: where the model runs them, and every field that is known of one of them.
void add_table(HtmlPage &page, const CodegenResult &result, const VariantCodes &variant, const std::string &folder) {
    const bool of_model = !result.model.empty(), links = !folder.empty();
    std::vector<std::string> titles = {"kernel", "generator"};
    if (of_model) titles.insert(titles.end(), {"for", "first layer"});
    const size_t names = titles.size();
    if (of_model) titles.push_back("steps");
    std::vector<const CodeField *> fields;
    for (const CodeField &field : code_fields()) {
        const bool known = std::any_of(variant.places.begin(), variant.places.end(),
                                       [&](size_t place) { return field.value(result.codes[place]).has_value(); });
        if (!known) continue;
        fields.push_back(&field);
        titles.push_back(field.title);
    }
    if (links) titles.push_back("files");
    std::vector<std::vector<PageCell>> rows;
    for (size_t place : variant.places) {
        const KernelCode &code = result.codes[place];
        std::vector<PageCell> row = {kernel_cell(code, place), {code.spec.generator}};
        if (of_model) {
            const std::vector<std::string> &layers = code.use.layers;
            row.push_back({join(code.use.kinds)});
            row.push_back({layers.empty() ? "" : layers.front()});
            row.push_back({layers.empty() ? "" : std::to_string(layers.size())});
        }
        for (const CodeField *field : fields)
            row.push_back({field_text(*field, code)});
        if (links) row.push_back(files_of(code, folder));
        rows.push_back(std::move(row));
    }
    page.sortable_table(titles, rows, names);
}

// By generator; what targets make of a kernel stands together.
void add_loops(HtmlPage &page, const CodegenResult &result) {
    std::map<std::string, std::vector<size_t>> by_generator;
    for (size_t i = 0; i < result.codes.size(); i++) {
        if (result.codes[i].figures.main_loop()) by_generator[result.codes[i].spec.generator].push_back(i);
    }
    if (by_generator.empty()) return;
    page.heading(2, "Main loops");
    for (const auto &[generator, places] : by_generator) {
        page.heading(3, generator);
        for (size_t place : places) {
            const KernelCode &code = result.codes[place];
            const CodeCounts &counts = code.figures.main_loop()->counts;
            page.folded(loop_id(place),
                        code.kernel + ", " + code.variant + ": " + std::to_string(counts.instructions) +
                            " instructions, " + std::to_string(counts.of(InstructionClass::Fma)) + " FMA, " +
                            std::to_string(counts.vector_registers) + " registers, " + std::to_string(counts.spills()) +
                            " spills",
                        code.figures.main_loop()->text);
        }
    }
}

void add_details(HtmlPage &page, const CodegenResult &result) {
    std::vector<std::vector<PageCell>> rows;
    for (const KernelCode &code : result.codes) {
        const LoopFigures *loop = code.figures.main_loop();
        rows.push_back({{code.kernel},
                        {code.variant},
                        {code.resolved.empty() ? "" : knob_text(code.resolved)},
                        {fma_mix(code.figures.all)},
                        {loop ? fma_mix(loop->counts) : ""},
                        {code.prediction ? code.prediction->processor : ""},
                        {code.prediction ? pressure_text(*code.prediction, 4) : ""},
                        {join(code.remarks)}});
    }
    page.sortable_table(
        {"kernel", "target", "knobs", "FMA", "FMA of the main loop", "model", "cycles of ports", "remarks"}, rows, 8);
}

void add_speed(HtmlPage &page, const CodegenResult &result) {
    std::vector<std::vector<PageCell>> rows;
    for (const KernelCode &code : result.codes) {
        for (const ShapeSpeed &s : code.speed) {
            rows.push_back({{code.kernel},
                            {code.variant},
                            {s.layer},
                            {s.shape},
                            {std::to_string(s.count)},
                            {decimal(s.ms, 4)},
                            {s.gmac > 0 ? decimal(s.gmac_per_s(), 1) : ""},
                            {s.gmac > 0 ? decimal(s.percent_of_peak, 1) : ""}});
        }
    }
    if (rows.empty()) return;
    page.heading(2, "Speed by shape");
    page.sortable_table({"kernel", "target", "first layer", "shape", "steps", "ms", "GMAC/s", "% of peak"}, rows, 4);
}

} // namespace

std::string report_page(const CodegenResult &result, const std::string &title, const std::string &files) {
    HtmlPage page(title);
    page.heading(1, title);
    page.paragraph("Machine code of kernels, counted in the assembly that their generators emit. A title sorts by its "
                   "column. The main loop is the innermost one whose iteration multiplies and adds the most; "
                   "links called loop lead to it.");
    for (const std::string &remark : result.remarks)
        page.paragraph(remark);
    const std::vector<VariantCodes> variants = by_variant(result);
    page.heading(2, "All kernels together");
    add_sums(page, result, variants);
    for (const VariantCodes &variant : variants) {
        page.heading(2, "Kernels on " + variant.name);
        add_table(page, result, variant, files);
    }
    add_speed(page, result);
    page.heading(2, "Mix, knobs, ports");
    add_details(page, result);
    add_loops(page, result);
    page.heading(2, "Columns");
    std::vector<std::pair<std::string, std::string>> terms;
    for (const CodeField &field : code_fields())
        terms.push_back({field.title, field.meaning});
    page.definitions(terms);
    return page.text();
}

} // namespace afnet
