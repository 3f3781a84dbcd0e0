#include "runtime/element_type.h"

#include <cmath>
#include <limits>

#include "runtime/safetensors.h"
#include "tests/runtime/file_checks.h"

using namespace afnet;
using namespace afnet_test;
using Catch::Matchers::Contains;

namespace {

template <typename T> std::vector<double> doubles_of(const std::string &dtype, const std::vector<T> &elements) {
    // Behind one byte, so that nothing is aligned.
    std::string bytes(" ");
    bytes.append(reinterpret_cast<const char *>(elements.data()), elements.size() * sizeof(T));
    const SafetensorsTensor tensor{
        "t", dtype, {static_cast<int64_t>(elements.size())}, bytes_of(bytes) + 1, elements.size() * sizeof(T)};
    const std::vector<float> floats = to_floats(tensor);
    const std::vector<double> doubles = to_doubles(tensor);
    REQUIRE(floats.size() == doubles.size());
    for (size_t i = 0; i < floats.size(); ++i) {
        CHECK((floats[i] == static_cast<float>(doubles[i]) || std::isnan(doubles[i])));
    }
    return doubles;
}

} // namespace

TEST_CASE("element type: the elements of a shape are counted", "[element_type]") {
    CHECK(element_count({}) == 1);
    CHECK(element_count({2, 3, 4}) == 24);
    CHECK(element_count({2, 0, 4}) == 0);
    CHECK(element_count({INT64_MAX}) == INT64_MAX);
    CHECK(!element_count({-1}));
    CHECK(!element_count({0, -1}));
    CHECK(!element_count({int64_t(1) << 32, int64_t(1) << 31}));
    CHECK(!element_count({0, int64_t(1) << 32, int64_t(1) << 32}));
    CHECK(shape_text({}) == "[]");
    CHECK(shape_text({64, 3, -1}) == "[64, 3, -1]");
    CHECK(element_bytes("BF16") == 2);
    CHECK(element_bytes("bf16") == 0);
}

TEST_CASE("element type: element types are converted", "[element_type]") {
    const double inf = std::numeric_limits<double>::infinity();
    CHECK(doubles_of<float>("F32", {1.5F, -0.0F}) == std::vector<double>{1.5, -0.0});
    CHECK(doubles_of<double>("F64", {0.1, -1e300}) == std::vector<double>{0.1, -1e300});
    CHECK(doubles_of<uint16_t>("F16", {0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x0000, 0x7c00, 0xfc00}) ==
          std::vector<double>{1, -2, 65504, 0x1p-14, 0x1p-24, -0x3ffp-24, 0, inf, -inf});
    CHECK(std::isnan(doubles_of<uint16_t>("F16", {0x7e01})[0]));
    CHECK(doubles_of<uint16_t>("BF16", {0x3f80, 0xc000, 0x7f80, 0x0001}) == std::vector<double>{1, -2, inf, 0x1p-133});
    CHECK(doubles_of<int64_t>("I64", {INT64_MIN, 5}) == std::vector<double>{-0x1p63, 5});
    CHECK(doubles_of<uint64_t>("U64", {UINT64_MAX}) == std::vector<double>{0x1p64});
    CHECK(doubles_of<int32_t>("I32", {INT32_MIN, 6}) == std::vector<double>{-0x1p31, 6});
    CHECK(doubles_of<uint32_t>("U32", {UINT32_MAX}) == std::vector<double>{4294967295.0});
    CHECK(doubles_of<int16_t>("I16", {INT16_MIN}) == std::vector<double>{-32768});
    CHECK(doubles_of<uint16_t>("U16", {UINT16_MAX}) == std::vector<double>{65535});
    CHECK(doubles_of<int8_t>("I8", {-128}) == std::vector<double>{-128});
    CHECK(doubles_of<uint8_t>("U8", {255}) == std::vector<double>{255});
    CHECK(doubles_of<uint8_t>("BOOL", {0, 1, 255}) == std::vector<double>{0, 1, 1});
    CHECK_THAT(refusal([] {
                   to_floats({"t", "F8", {}, nullptr, 0});
               }),
               Contains("'F8' cannot be converted; one of F32, F64"));
}

TEST_CASE("element type: numbers that are not finite are named", "[element_type]") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    require_finite("w.file", "t", std::vector<float>{1, 2});
    CHECK(refusal([&] {
              require_finite("w.file", "t", std::vector<float>{1, nan});
          }) ==
          "w.file: tensor 't' holds NaN at index 1 of 2; finite numbers expected. The file is damaged or its training "
          "had diverged: use an earlier one");
    const double inf = std::numeric_limits<double>::infinity();
    CHECK_THAT(refusal([&] {
                   require_finite("w.file", "a\nb", std::vector<double>{-inf, 2, 3});
               }),
               Contains("tensor 'a\\x0ab' holds an infinity at index 0 of 3"));
}

TEST_CASE("element type: the first float that is not finite is found, wherever it is", "[element_type]") {
    const float inf = std::numeric_limits<float>::infinity(), largest = std::numeric_limits<float>::max();
    for (const size_t count : {size_t(0), size_t(1), size_t(1023), size_t(1024), size_t(1025), size_t(3000)}) {
        for (const size_t shift : {size_t(0), size_t(1)}) { // nothing is aligned
            std::vector<float> floats(count, largest);
            const auto first = [&] {
                const std::string bytes =
                    std::string(shift, ' ') +
                    std::string(reinterpret_cast<const char *>(floats.data()), count * sizeof(float));
                return first_not_finite(bytes_of(bytes) + shift, count);
            };
            CHECK(first() == count);
            for (const size_t at : {size_t(2999), size_t(2048), size_t(1024), size_t(1023), size_t(5), size_t(0)}) {
                if (at >= count) continue;
                floats[at] = at % 2 ? -inf : std::nanf("");
                CHECK(first() == at);
            }
        }
    }
}

TEST_CASE("a float becomes the nearest bfloat16, an even one where two are as near", "[element_type]") {
    const std::pair<float, uint16_t> cases[] = {
        {0.0f, 0x0000},          {-0.0f, 0x8000},          {1.0f, 0x3f80},    {1.00390625f, 0x3f80}, // half way up
        {1.01171875f, 0x3f82},                                                                       // half way: even
        {1.0039063692f, 0x3f81}, {-1.0039063692f, 0xbf81}, {3.0e38f, 0x7f62}, {3.4e38f, 0x7f80},     // beyond: infinite
        {INFINITY, 0x7f80},      {-INFINITY, 0xff80},      {1.0e-40f, 0x0001}};
    for (const auto &[value, bits] : cases) {
        INFO(value);
        CHECK(bfloat16_bits(value) == bits);
    }
    CHECK(std::isnan(float_of_bfloat16(bfloat16_bits(std::numeric_limits<float>::quiet_NaN()))));
    CHECK(std::isnan(float_of_bfloat16(bfloat16_bits(-std::numeric_limits<float>::signaling_NaN()))));
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const float value = float_of_bfloat16(uint16_t(bits));
        if (!std::isnan(value) && bfloat16_bits(value) != bits) FAIL("bits " << bits << " do not come back");
    }
}
