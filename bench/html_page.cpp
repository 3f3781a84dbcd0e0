#include "bench/html_page.h"

#include "model/svg_plot.h"

namespace afnet {

namespace {

// Colours of series c0 to c7 differ in lightness as well as in hue; marks differ in shape.
constexpr const char *kStyle = R"(
:root { --paper: #ffffff; --ink: #1c2126; --faint: #5c6670; --grid: #e3e7ea; --head: #f3f5f7;
  --c0: #0b63ae; --c1: #c2500a; --c2: #0a7f5a; --c3: #a3307f; --c4: #7a6200; --c5: #5a4fc4; --c6: #b3261e; --c7: #4d5963; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181c; --ink: #e6eaed; --faint: #a2adb6; --grid: #2c343b; --head: #1e252b;
    --c0: #6cb4f5; --c1: #f59a56; --c2: #4fcf9f; --c3: #ee8fcf; --c4: #dcc14a; --c5: #ada5ff; --c6: #ff8f87; --c7: #b4bfc8; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 16px; max-width: 1180px; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0.5rem 0; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.2rem 0 0.5rem; border-top: 2px solid var(--grid); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 0.3rem; }
p { max-width: 46rem; margin: 0.4rem 0; }
dl { max-width: 46rem; } dt { font-weight: 600; margin-top: 0.6rem; } dd { margin: 0 0 0 1rem; color: var(--faint); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 16px; }
.figures > figure { margin: 0; max-width: 620px; break-inside: avoid; }
.table { overflow-x: auto; margin: 0.5rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 9px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--grid); }
th { background: var(--head); font-weight: 600; vertical-align: bottom; white-space: normal; }
.w { text-align: left; }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--c0); }
a { color: var(--c0); }
summary { cursor: pointer; font-size: 0.85rem; } summary:focus-visible { outline: 2px solid var(--c0); }
pre { overflow-x: auto; margin: 0.3rem 0 0.8rem 1rem; font-size: 0.75rem; line-height: 1.35; }
svg { display: block; width: 100%; height: auto; }
@media print {
  :root { --paper: #ffffff; --ink: #000000; --faint: #444444; --grid: #dddddd; --head: #f0f0f0;
    --c0: #0b63ae; --c1: #c2500a; --c2: #0a7f5a; --c3: #a3307f; --c4: #7a6200; --c5: #5a4fc4; --c6: #b3261e; --c7: #4d5963; }
  body { max-width: none; padding: 0; font-size: 10pt; } table { font-size: 7.5pt; } th, td { padding: 1px 4px; }
  .table { overflow: visible; } h2, h3 { break-after: avoid; } tr { break-inside: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
)";

// Neither < nor & stands in it: the page is XML as well.
constexpr const char *kSortScript = R"(
for (const button of document.querySelectorAll("table.sorts th button")) {
  button.addEventListener("click", () => {
    const title = button.parentElement, body = title.closest("table").tBodies[0];
    const column = title.cellIndex, down = title.getAttribute("aria-sort") === "ascending";
    for (const other of title.parentElement.children) other.removeAttribute("aria-sort");
    title.setAttribute("aria-sort", down ? "descending" : "ascending");
    const text = row => row.cells[column].textContent;
    const order = (a, b) => {
      if (text(a) === "" || text(b) === "") return (text(a) === "") - (text(b) === "");
      const x = Number(text(a)), y = Number(text(b));
      const by = isNaN(x) || isNaN(y) ? text(a).localeCompare(text(b)) : x - y;
      return down ? -by : by;
    };
    body.append(...Array.from(body.rows).sort(order));
  });
}
)";

constexpr const char *kUnfoldScript = R"(
const unfold = () => {
  const at = document.getElementById(location.hash.slice(1));
  if (at === null) return;
  at.open = true;
  at.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
)";

std::string page_colour(const std::string &name) {
    return "var(--" + name + ")";
}

}  // namespace

void HtmlPage::heading(int level, const std::string &text) {
    const std::string tag = "h" + std::to_string(level);
    body_ += "<" + tag + ">" + xml_text(text) + "</" + tag + ">\n";
}

void HtmlPage::paragraph(const std::string &text) {
    body_ += "<p>" + xml_text(text) + "</p>\n";
}

void HtmlPage::table(const std::vector<std::string> &titles, const std::vector<std::vector<std::string>> &rows,
                     size_t names) {
    const auto line = [&](const std::vector<std::string> &cells, const std::string &tag) {
        body_ += "<tr>";
        for (size_t i = 0; i < cells.size(); i++) {
            body_ += "<" + tag + (i < names ? " class=\"w\">" : ">") + xml_text(cells[i]) + "</" + tag + ">";
        }
        body_ += "</tr>\n";
    };
    body_ += "<div class=\"table\"><table>\n<thead>";
    line(titles, "th");
    body_ += "</thead>\n<tbody>\n";
    for (const auto &row : rows) line(row, "td");
    body_ += "</tbody>\n</table></div>\n";
}

void HtmlPage::sortable_table(const std::vector<std::string> &titles, const std::vector<std::vector<PageCell>> &rows,
                              size_t names) {
    sorts_ = true;
    const auto opened = [&](const char *tag, size_t i) {
        return "<" + std::string(tag) + (i < names ? " class=\"w\">" : ">");
    };
    body_ += "<div class=\"table\"><table class=\"sorts\">\n<thead><tr>";
    for (size_t i = 0; i < titles.size(); i++)
        body_ += opened("th", i) + "<button type=\"button\">" + xml_text(titles[i]) + "</button></th>";
    body_ += "</tr>\n</thead>\n<tbody>\n";
    for (const std::vector<PageCell> &row : rows) {
        body_ += "<tr>";
        for (size_t i = 0; i < row.size(); i++) {
            body_ += opened("td", i) + xml_text(row[i].text);
            for (const auto &[text, address] : row[i].links)
                body_ += " <a href=\"" + xml_text(address) + "\">" + xml_text(text) + "</a>";
            body_ += "</td>";
        }
        body_ += "</tr>\n";
    }
    body_ += "</tbody>\n</table></div>\n";
}

void HtmlPage::folded(const std::string &id, const std::string &title, const std::vector<std::string> &lines) {
    folds_ = true;
    body_ += "<details id=\"" + xml_text(id) + "\"><summary>" + xml_text(title) + "</summary>\n<pre>";
    for (const std::string &line : lines)
        body_ += xml_text(line) + "\n";
    body_ += "</pre></details>\n";
}

void HtmlPage::definitions(const std::vector<std::pair<std::string, std::string>> &terms) {
    body_ += "<dl>\n";
    for (const auto &[term, meaning] : terms) {
        body_ += "<dt>" + xml_text(term) + "</dt><dd>" + xml_text(meaning) + "</dd>\n";
    }
    body_ += "</dl>\n";
}

void HtmlPage::figures(const std::vector<std::string> &svgs) {
    body_ += "<div class=\"figures\">\n";
    for (const std::string &svg : svgs) body_ += "<figure>" + svg + "</figure>\n";
    body_ += "</div>\n";
}

std::string HtmlPage::text() const {
    return "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta "
           "charset=\"utf-8\"/>\n"
           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
           "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>" +
           xml_text(title_) + "</title>\n<style>" + kStyle + plot_rules(page_colour) + "</style>\n</head>\n<body>\n" + body_ +
           (sorts_ ? std::string("<script>") + kSortScript + "</script>\n" : "") +
           (folds_ ? std::string("<script>") + kUnfoldScript + "</script>\n" : "") + "</body>\n</html>\n";
}

}  // namespace afnet
