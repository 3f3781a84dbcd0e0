// Plots: well-formed, finite, and what they show is where it belongs.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <regex>

#include "bench/html_page.h"
#include "model/svg_plot.h"
#include "model/svg_text.h"
#include "tests/model/xml_check.h"

using namespace afnet;
using Catch::Matchers::Contains;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInfinity = std::numeric_limits<double>::infinity();

LinePlot plot_of(std::vector<PlotPoint> points) {
    LinePlot plot;
    plot.title = "T";
    plot.series.push_back({"s", std::move(points)});
    return plot;
}

size_t count_of(const std::string &text, const std::string &part) {
    size_t count = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) count++;
    return count;
}

// All numbers of coordinates are finite and within the picture.
void check_coordinates(const std::string &svg) {
    CHECK(xml_fault(svg) == "");
    CHECK(svg.find("nan") == std::string::npos);
    CHECK(svg.find("inf") == std::string::npos);
    static const std::regex x(" (?:x|x1|x2|cx)=\"([^\"]*)\"");
    for (std::sregex_iterator each(svg.begin(), svg.end(), x), end; each != end; ++each) {
        const double value = std::stod((*each)[1]);
        CHECK(value >= 0);
        CHECK(value <= kPlotWidth);
    }
}

}  // namespace

TEST_CASE("the check for XML finds faults", "[svg_plot]") {
    CHECK(xml_fault("<a b=\"c\">d &amp; e<f/></a>") == "");
    for (const char *bad : {"", "<a>", "</a>", "<a></b>", "<a>&</a>", "<a>&nbsp;</a>", "<a b=c></a>", "<a b=\"<\"></a>",
                            "<a b=\"1\" b=\"2\"></a>", "<a></a><a></a>", "<a></a>x", "<a>\x01</a>", "x", "<a"}) {
        INFO(bad);
        CHECK(xml_fault(bad) != "");
    }
}

TEST_CASE("text is escaped, and bytes that are no text are replaced", "[svg_plot]") {
    CHECK(xml_text("a<b>&\"c'\xc3\xa4\xf0\x9f\x8e\xac") == "a&lt;b&gt;&amp;&quot;c&#39;\xc3\xa4\xf0\x9f\x8e\xac");
    const std::string odd = "\xef\xbf\xbd";
    CHECK(xml_text("\x01\n\x7f") == odd + odd + odd);
    CHECK(xml_text("\xff") == odd);
    CHECK(xml_text("\xc3") == odd);                      // cut off
    CHECK(xml_text("\xc0\xaf") == odd + odd);            // a longer form of /
    CHECK(xml_text("\xed\xa0\x80") == odd + odd + odd);  // half of a surrogate pair
    CHECK(xml_text("\xf4\x90\x80\x80") == odd + odd + odd + odd);
    CHECK(xml_text("\xef\xbf\xbf") == odd + odd + odd);
}

TEST_CASE("ticks are round numbers within the axis", "[svg_plot]") {
    CHECK(axis_ticks(0, 1, false, 5) == std::vector<double>{0, 0.2, 0.4, 0.2 * 3, 0.8, 1});
    CHECK(axis_ticks(-30, 260, false, 6) == std::vector<double>{0, 50, 100, 150, 200, 250});
    CHECK(axis_ticks(1, 100, true, 5) == std::vector<double>{1, 2, 5, 10, 20, 50, 100});
    CHECK(axis_ticks(1, 1e6, true, 5).size() == 7);
    CHECK(axis_ticks(1, 1, false, 5).empty());
    CHECK(axis_ticks(0, 1, true, 5).empty());
    CHECK(axis_ticks(kNaN, 1, false, 5).empty());
    CHECK(axis_ticks(1e17, std::nextafter(1e17, 1e18), false, 5).size() <= 100);
}

TEST_CASE("a plot draws its points and leaves out what is no number", "[svg_plot]") {
    const std::string svg = svg_plot(plot_of({{0, 1, ""}, {0.5, 3, "note <1>"}, {1, 2, ""}}));
    check_coordinates(svg);
    CHECK(count_of(svg, "<circle") == 4);  // one in the legend
    CHECK(count_of(svg, "<polyline") == 1);
    CHECK_THAT(svg, Contains("note &lt;1&gt;"));
    const std::string gaps = svg_plot(plot_of({{0, kNaN, ""}, {kInfinity, 1, ""}, {1, 2, ""}}));
    check_coordinates(gaps);
    CHECK(count_of(gaps, "<circle") == 2);
}

TEST_CASE("a plot of nothing, of one point and of equal points is still a plot", "[svg_plot]") {
    check_coordinates(svg_plot(LinePlot()));
    check_coordinates(svg_plot(plot_of({})));
    check_coordinates(svg_plot(plot_of({{0, 0, ""}})));
    check_coordinates(svg_plot(plot_of({{3, 7, ""}, {3, 7, ""}})));
    check_coordinates(svg_plot(plot_of({{-3, -7, ""}, {-1, -2, ""}})));
    check_coordinates(svg_rows(RowChart()));
    LinePlot logarithmic = plot_of({{0, 1, ""}, {-1, 1, ""}, {10, 100, ""}, {1000, 1e-9, ""}});
    logarithmic.x.logarithmic = logarithmic.y.logarithmic = true;
    check_coordinates(svg_plot(logarithmic));
}

TEST_CASE("larger values lie further right and further up", "[svg_plot]") {
    const std::string svg = svg_plot(plot_of({{1, 1, ""}, {2, 5, ""}}));
    static const std::regex line("<polyline points=\"([0-9.]+),([0-9.]+) ([0-9.]+),([0-9.]+) \"");
    std::smatch match;
    REQUIRE(std::regex_search(svg, match, line));
    CHECK(std::stod(match[1]) < std::stod(match[3]));
    CHECK(std::stod(match[2]) > std::stod(match[4]));
}

TEST_CASE("names are escaped and long legends take lines", "[svg_plot]") {
    LinePlot plot = plot_of({{0, 1, ""}});
    plot.title = plot.x.label = plot.y.label = "a<&\"'\xff";
    for (int i = 0; i < 12; i++) plot.series.push_back({"a <long> name & more " + std::to_string(i), {{1, 2, ""}}});
    for (size_t i = 0; i < plot.series.size(); i++) plot.series[i].colour = int(i) - 2;
    check_coordinates(svg_plot(plot));
}

TEST_CASE("a plot as a file brings its own colours", "[svg_plot]") {
    const std::string file = svg_file(svg_plot(plot_of({{0, 1, ""}, {1, 2, "a > b"}})));
    check_coordinates(file);
    CHECK(file.rfind("<svg ", 0) == 0);
    CHECK_THAT(file, Contains(".dot.c7") && Contains("#0b63ae") && Contains("<polyline"));
    CHECK(file.find("var(") == std::string::npos);
}

TEST_CASE("rows show bars of their length and dots", "[svg_plot]") {
    RowChart chart;
    chart.series = {"one & only", "two"};
    for (const double value : {-2.0, 4.0}) {
        ChartRow row;
        row.name = "row <" + std::to_string(value) + ">";
        row.bar = ChartRow::Bar{0, value, 1};
        row.dots = {{value / 2, 0}, {kNaN, 1}};
        row.note = "+1";
        row.rule = value > 0;
        chart.rows.push_back(row);
    }
    const std::string svg = svg_rows(chart);
    check_coordinates(svg);
    static const std::regex bar("<rect x=\"([0-9.]+)\" y=\"[0-9.]+\" width=\"([0-9.]+)\"");
    std::vector<double> starts, widths;
    for (std::sregex_iterator each(svg.begin(), svg.end(), bar), end; each != end; ++each) {
        starts.push_back(std::stod((*each)[1]));
        widths.push_back(std::stod((*each)[2]));
    }
    REQUIRE(widths.size() == 2);
    CHECK(widths[1] == Approx(2 * widths[0]).margin(0.3));
    CHECK(starts[0] + widths[0] == Approx(starts[1]).margin(0.2));
}

TEST_CASE("a page is well-formed and needs nothing from elsewhere", "[svg_plot]") {
    HtmlPage page("a <title> & more");
    page.heading(2, "h & <i>");
    page.paragraph("p \xff & <script>");
    page.table({"a&b", "<c>"}, {{"1", "\"2\""}, {"&", "'"}});
    page.definitions({{"t<", "m>"}});
    page.figures({svg_plot(LinePlot()), svg_rows(RowChart())});
    const std::string text = page.text();
    CHECK(xml_fault(text) == "");
    CHECK(text.rfind("<!DOCTYPE html>", 0) == 0);
    for (const char *foreign : {"<script", "src=", "href=", "@import", "url("}) {
        INFO(foreign);
        CHECK(text.find(foreign) == std::string::npos);
    }
    for (const char *setting : {"prefers-color-scheme: dark", "@media print", "width=device-width"}) {
        CHECK_THAT(text, Contains(setting));
    }
}
