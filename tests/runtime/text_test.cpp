#include "runtime/text.h"

#include "tests/runtime/file_checks.h"

using namespace afnet;

TEST_CASE("text: what a message shows of a name is harmless", "[text]") {
    CHECK(printable("layer1.0 [x]") == "'layer1.0 [x]'");
    CHECK(printable("") == "''");
    CHECK(printable("a'b\\c\n\x1b[0m\x7f\xc3\xa9") == "'a\\x27b\\x5cc\\x0a\\x1b[0m\\x7f\\xc3\\xa9'");
    CHECK(printable(std::string("\0", 1)) == "'\\x00'");
    CHECK(printable("abcdef", 6) == "'abcdef'");
    CHECK(printable("abcdefg", 6) == "'abcdef...'");
}

TEST_CASE("text: UTF-8 is told from other bytes", "[text]") {
    for (const char *good : {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "a\xc3\xa9z"}) {
        INFO(printable(good));
        CHECK(is_utf8(good));
    }
    for (const char *bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2z", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
          "\xe1\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xfe", "a\xc3"}) {
        INFO(printable(bad));
        CHECK_FALSE(is_utf8(bad));
    }
}
