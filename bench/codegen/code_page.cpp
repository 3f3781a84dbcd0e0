// Results of `afnet codegen` as a page.
#include "bench/html_page.h"
#include "bench/codegen/code_report.h"
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

void add_table(HtmlPage &page, const CodegenResult &result, const std::string &folder) {
    std::vector<std::string> titles = {"kernel", "target"};
    std::vector<const CodeField *> fields;
    for (const CodeField &field : code_fields()) {
        bool known = false;
        for (const KernelCode &code : result.codes)
            known |= field.value(code).has_value();
        if (!known) continue;
        fields.push_back(&field);
        titles.push_back(field.title);
    }
    const bool links = !folder.empty();
    if (links) titles.push_back("files");
    std::vector<std::vector<PageCell>> rows;
    for (const KernelCode &code : result.codes) {
        std::vector<PageCell> row = {{code.kernel}, {code.variant}};
        for (const CodeField *field : fields)
            row.push_back({field_text(*field, code)});
        if (links) row.push_back(files_of(code, folder));
        rows.push_back(std::move(row));
    }
    page.sortable_table(titles, rows, 2);
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
                   "column. The main loop is the innermost one whose iteration multiplies and adds the most.");
    for (const std::string &remark : result.remarks)
        page.paragraph(remark);
    page.heading(2, "Code");
    add_table(page, result, files);
    add_speed(page, result);
    page.heading(2, "Mix, knobs, ports");
    add_details(page, result);
    page.heading(2, "Columns");
    std::vector<std::pair<std::string, std::string>> terms;
    for (const CodeField &field : code_fields())
        terms.push_back({field.title, field.meaning});
    page.definitions(terms);
    return page.text();
}

} // namespace afnet
