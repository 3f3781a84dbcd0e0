// CTest runs one test per tag: a test case whose tags it has not been told of would never run.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

namespace {

std::set<std::string> words(const char *text) {
    std::istringstream in(text);
    return {std::istream_iterator<std::string>(in), {}};
}

} // namespace

TEST_CASE("CTest knows a tag of every test case, and every tag that it knows has one", "[test_tags]") {
    const std::set<std::string> registered = words(AFNET_TEST_TAGS), devices = words(AFNET_DEVICE_TAGS);
    std::set<std::string> used;
    for (const Catch::TestCase &test : Catch::getAllTestCasesSorted(*Catch::getCurrentContext().getConfig())) {
        if (test.isHidden()) continue; // for tests that start this program again
        bool runs = false;
        for (const std::string &tag : test.lcaseTags) {
            used.insert(tag);
            runs = runs || registered.count(tag) || devices.count(tag);
        }
        INFO(test.name << ", " << test.lineInfo.file << ": add one of its tags to tests/CMakeLists.txt");
        CHECK(runs);
    }
    for (const std::string &tag : registered) {
        INFO(tag << ": no test case has it; take it out of tests/CMakeLists.txt");
        CHECK(used.count(tag) == 1);
    }
}
