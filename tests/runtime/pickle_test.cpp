#include "runtime/pickle.h"

#include "tests/runtime/pickle_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::pickle;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

Pickle opened(const std::string &opcodes, const PickleLimits &limits = {}) {
    const std::string bytes = pickled(opcodes);
    return Pickle(bytes_of(bytes), bytes.size(), "some.pkl", limits);
}

std::string refusal_of_bytes(const std::string &bytes, const PickleLimits &limits = {}) {
    const std::string message = refusal([&] { Pickle(bytes_of(bytes), bytes.size(), "some.pkl", limits); });
    CHECK_THAT(message, StartsWith("some.pkl: ") && Contains(" of the pickle; "));
    return message;
}

std::string refusal_of(const std::string &opcodes, const PickleLimits &limits = {}) {
    return refusal_of_bytes(pickled(opcodes), limits);
}

PickleValue value_of(const std::string &opcodes) {
    return opened(opcodes).root();
}

int64_t integer_of(const std::string &opcodes) {
    const PickleValue value = value_of(opcodes);
    CHECK(value.kind == PickleKind::integer);
    return value.integer;
}

std::string times(size_t count, const std::string &opcodes) {
    std::string all;
    while (count-- > 0)
        all += opcodes;
    return all;
}

} // namespace

TEST_CASE("pickle: scalars", "[pickle]") {
    CHECK(value_of("N").kind == PickleKind::none);
    CHECK(value_of("\x88").kind == PickleKind::boolean);
    CHECK(value_of("\x88").integer == 1);
    CHECK(value_of("\x89").integer == 0);
    CHECK(integer_of("K\xff") == 255);
    CHECK(integer_of("M\xff\xff") == 65535);
    CHECK(integer_of("J" + little_endian(0x80000000, 4)) == INT32_MIN);
    CHECK(integer_of(integer(0x7fffffff)) == 0x7fffffff);
    CHECK(value_of("G\x3f\xf8" + std::string(6, '\0')).real == 1.5);

    CHECK(integer_of(std::string("\x8a\0", 2)) == 0);
    CHECK(integer_of("\x8a\1\xff") == -1);
    CHECK(integer_of("\x8a\2\xff" + std::string(1, '\0')) == 255);
    CHECK(integer_of("\x8a\x08" + little_endian(1ULL << 63, 8)) == INT64_MIN);
    CHECK(integer_of("\x8b" + little_endian(8, 4) + little_endian(INT64_MAX, 8)) == INT64_MAX);
    const PickleValue big = value_of("\x8a\x09" + std::string(9, '\1'));
    CHECK(big.kind == PickleKind::big_integer);
    CHECK(big.text == std::string(9, '\1'));
}

TEST_CASE("pickle: text and bytes in all lengths of length", "[pickle]") {
    for (const std::string opcode : {"U", "\x8c", "C", "T", "X", "B", "\x8d", "\x8e", "\x96"}) {
        INFO(static_cast<int>(static_cast<unsigned char>(opcode[0])));
        const size_t width = std::string("UC\x8c").find(opcode) != std::string::npos ? 1
                             : std::string("TXB").find(opcode) != std::string::npos  ? 4
                                                                                     : 8;
        const PickleValue value = value_of(opcode + little_endian(3, width) + std::string("a\0\xff", 3));
        CHECK(value.text == std::string("a\0\xff", 3));
        const bool bytes = std::string("CB\x8e\x96").find(opcode) != std::string::npos;
        CHECK(value.kind == (bytes ? PickleKind::bytes : PickleKind::text));
        for (const uint64_t length : boundary_values) {
            if (length <= 1 || (width < 8 && length >> (8 * width))) continue;
            INFO(length);
            CHECK_THAT(refusal_of(opcode + little_endian(length, width)),
                       Contains("an operand of " + std::to_string(length) + " bytes at byte 2 of the pickle; at most"));
        }
    }
    for (const uint64_t length : boundary_values) {
        if (length <= 1 || length >> 32) continue;
        CHECK_THAT(refusal_of("\x8b" + little_endian(length, 4)), Contains("an operand of " + std::to_string(length)));
    }
}

TEST_CASE("pickle: containers", "[pickle]") {
    const std::string one = integer(1), two = integer(2), three = integer(3);
    for (const std::string &list : {"]" + one + "a" + two + "a", "](" + one + two + "e", "(" + one + two + "l"}) {
        const Pickle pickle = opened(list);
        CHECK(pickle.root().kind == PickleKind::list);
        REQUIRE(pickle.root().items.size() == 2);
        CHECK(pickle.root().items[1]->integer == 2);
        CHECK(pickle.root().depth == 2);
    }
    CHECK(value_of(")").kind == PickleKind::tuple);
    CHECK(value_of(one + "\x85").items.size() == 1);
    CHECK(value_of(one + two + "\x86").items.size() == 2);
    CHECK(opened(one + two + three + "\x87").root().items[2]->integer == 3);
    CHECK(opened("(" + one + two + three + one + "t").root().items[2]->integer == 3);
    CHECK(value_of("\x8f(" + one + two + "\x90").items.size() == 2);
    CHECK(value_of("(" + one + "\x91").kind == PickleKind::set);
    for (const std::string &dict : {"}" + text("a") + one + "s", "}(" + text("a") + one + "u",
                                    "(" + text("a") + one + "d", ordered_dict() + "(" + text("a") + one + "u"}) {
        const Pickle pickle = opened(dict);
        CHECK(pickle.root().kind == PickleKind::dict);
        REQUIRE(find_item(pickle.root(), "a"));
        CHECK(find_item(pickle.root(), "a")->integer == 1);
        CHECK(find_item(pickle.root(), "b") == nullptr);
        CHECK(find_item(*find_item(pickle.root(), "a"), "a") == nullptr);
    }
    // As in Python, the last of equal keys counts.
    const Pickle twice = opened("}(" + text("a") + one + two + one + text("a") + three + "u");
    CHECK(find_item(twice.root(), "a")->integer == 3);
}

TEST_CASE("pickle: the stack and the memo", "[pickle]") {
    const std::string one = integer(1), two = integer(2);
    CHECK(integer_of(one + two + "0") == 1);
    CHECK(integer_of(one + "(" + two + "1") == 1);
    CHECK(integer_of(one + "(0") == 1);
    CHECK(value_of(one + "2\x86").items.size() == 2);
    for (const std::string &put_get :
         {std::string("q\7h\7"), "r" + little_endian(0x80000000, 4) + "j" + little_endian(0x80000000, 4),
          std::string("\x94h\0", 3)}) {
        const Pickle pickle = opened(one + put_get + "\x86");
        CHECK(pickle.root().items[0] == pickle.root().items[1]);
    }
    CHECK(integer_of("\x95" + little_endian(3, 8) + one) == 1);
}

TEST_CASE("pickle: nothing is called", "[pickle]") {
    const std::string call = "cos\nsystem\n" + text("rm -rf /") + "\x85R";
    const Pickle pickle = opened(call);
    CHECK(pickle.root().kind == PickleKind::object);
    REQUIRE(pickle.root().items.size() == 2);
    CHECK(pickle.root().items[0]->kind == PickleKind::global);
    CHECK(pickle.root().items[0]->text == "os.system");
    CHECK(pickle.root().items[1]->items[0]->text == "rm -rf /");

    CHECK(opened(text("os") + text("system") + "\x93").root().text == "os.system");
    CHECK(value_of("ca\nb\n)\x81").kind == PickleKind::object);
    CHECK(value_of("ca\nb\n)}\x92").kind == PickleKind::object);
    // State and items of an object, and attributes of anything, are dropped.
    CHECK(value_of("ca\nb\n)R}b").items.size() == 2);
    CHECK(value_of("ca\nb\n)R(" + integer(1) + "e(" + integer(1) + integer(2) + "u").items.size() == 2);
    CHECK(value_of(ordered_dict() + "}b").kind == PickleKind::dict);
    const Pickle persistent = opened(text("id") + "Q");
    CHECK(persistent.root().kind == PickleKind::persistent);
    CHECK(persistent.root().items[0]->text == "id");
}

TEST_CASE("pickle: cycles and deep nesting come and go", "[pickle]") {
    const Pickle cycle = opened("]q" + std::string(1, '\0') + "h" + std::string(1, '\0') + "a");
    CHECK(cycle.root().items[0] == &cycle.root());
    const Pickle moved = opened("]\x94]\x94h" + std::string(1, '\0') + "aa");
    CHECK(moved.root().items[0]->items[0] == &moved.root());

    PickleLimits deep;
    deep.depth = 1000000;
    CHECK(opened(")" + times(900000, "\x85"), deep).root().depth == 900001);
    CHECK(opened(")" + times(999, "\x85")).root().depth == 1000);
    CHECK_THAT(refusal_of(")" + times(1000, "\x85")), Contains("too many levels of nesting at byte 1002"));
}

TEST_CASE("pickle: what is not there cannot be taken", "[pickle]") {
    for (const std::string opcode : {"", "a", "e", "s", "u", "b", "R", "\x81", "\x92", "\x93", "\x90", "Q", "0", "2",
                                     "\x85", "\x86", "\x87", "\x94"}) {
        INFO(opcode);
        CHECK_THAT(refusal_of(opcode), Contains("a value that is missing") || Contains("a mark that is missing"));
        CHECK_THAT(refusal_of(integer(1) + "(" + opcode + (opcode == "0" ? "0e" : "")),
                   Contains("is missing") || Contains("left over") || Contains("cannot have them"));
    }
    for (const std::string opcode : {"t", "l", "d", "\x91", "e", "u", "1"}) {
        CHECK_THAT(refusal_of("]" + opcode), Contains("a mark that is missing at byte 3 of the pickle; one expected"));
    }
    CHECK_THAT(refusal_of("hq"), Contains("a remembered value that is not there at byte 2"));
    CHECK_THAT(refusal_of("jqqqq"), Contains("a remembered value that is not there"));
}

TEST_CASE("pickle: values of the wrong kind are refused", "[pickle]") {
    const std::string one = integer(1);
    CHECK_THAT(refusal_of("](" + one + "u"), Contains("a key without a value at byte 9 of the pickle; pairs"));
    CHECK_THAT(refusal_of("(" + one + "d"), Contains("a key without a value"));
    CHECK_THAT(refusal_of(one + one + "a"),
               Contains("items for a value that cannot have them at byte 12 of the pickle; a list, dict or set"));
    CHECK_THAT(refusal_of("]" + one + one + "s"), Contains("items for a value that cannot have them"));
    CHECK_THAT(refusal_of("](" + one + "\x90"), Contains("items for a value that cannot have them"));
    CHECK_THAT(refusal_of(")(" + one + "e"), Contains("items for a value that cannot have them"));
    CHECK_THAT(refusal_of("ca\nb\n" + one + "R"), Contains("a call without arguments at byte 12"));
    CHECK_THAT(refusal_of(text("os") + one + "\x93"), Contains("a global without a name"));
    CHECK_THAT(refusal_of(one + text("os") + "\x93"), Contains("a global without a name"));
}

TEST_CASE("pickle: the frame of a pickle is checked", "[pickle]") {
    CHECK_THAT(refusal_of_bytes(""), Contains("an operand of 1 bytes at byte 0"));
    CHECK_THAT(refusal_of_bytes("N."), Contains("no protocol number at byte 0 of the pickle; a pickle of protocol 2"));
    CHECK_THAT(refusal_of_bytes("(lp0\n."), Contains("no protocol number"));
    CHECK_THAT(refusal_of_bytes("\x80\1N."), Contains("protocol 1 at byte 0 of the pickle; 2 to 5"));
    CHECK_THAT(refusal_of_bytes("\x80\6N."), Contains("protocol 6"));
    CHECK_THAT(refusal_of_bytes("\x80\2N"), Contains("at byte 3 of the pickle; at most the 0 that follow"));
    CHECK_THAT(refusal_of_bytes("\x80\2N.N"), Contains("an end before the last byte"));
    CHECK_THAT(refusal_of("NN"), Contains("values left over"));
    CHECK_THAT(refusal_of("(N0N"), Contains("values left over") || Contains("is missing"));
    CHECK_THAT(refusal_of("cos\nsystem"), Contains("a line without end"));
    CHECK_THAT(refusal_of("c"), Contains("a line without end"));
    for (const uint64_t length : boundary_values) {
        if (length > 2)
            CHECK_THAT(refusal_of("\x95" + little_endian(length, 8) + "N"), Contains("a frame beyond the end"));
    }
    CHECK_THAT(refusal_of("I1\n"), Contains("opcode 73 at byte 2 of the pickle; one that torch.save writes expected"));
    for (const std::string opcode :
         {"F", "S", "V", "L", "P", "g", "p", "i", "o", "\x82", "\x83", "\x84", "\x97", "\x98", "?"}) {
        CHECK_THAT(refusal_of(opcode), Contains("opcode "));
    }
}

TEST_CASE("pickle: limits hold", "[pickle]") {
    const auto limited = [](size_t PickleLimits::*limit, size_t value, const std::string &opcodes) {
        PickleLimits limits;
        limits.*limit = value;
        opened(opcodes, limits);
        limits.*limit = value - 1;
        return refusal_of(opcodes, limits);
    };
    CHECK_THAT(limited(&PickleLimits::bytes, 4, "N"), Contains("too many bytes at byte 0 of the pickle; at most 3"));
    CHECK_THAT(limited(&PickleLimits::values, 4, "(NNNt"),
               Contains("too many values at byte 6 of the pickle; at most 3"));
    CHECK_THAT(limited(&PickleLimits::stack, 3, "(NNNt"), Contains("too many values on the stack"));
    CHECK_THAT(limited(&PickleLimits::stack, 3, "(((Nttt"), Contains("too many marks"));
    CHECK_THAT(limited(&PickleLimits::memo, 2, "N\x94\x94"), Contains("too many remembered values"));
    CHECK_THAT(limited(&PickleLimits::items, 3, "N2\x86\x85"), Contains("too many items"));
    CHECK_THAT(limited(&PickleLimits::depth, 3, "N\x85\x85"), Contains("too many levels of nesting"));
    CHECK_THAT(limited(&PickleLimits::name_bytes, 8, text("os") + text("system") + "\x93"),
               Contains("too many bytes in the name of a global"));
    CHECK_THAT(limited(&PickleLimits::name_bytes, 8, "cos\nsystem\n"),
               Contains("too many bytes in the name of a global"));
}

TEST_CASE("pickle: no damage to a pickle goes beyond an error", "[pickle]") {
    const std::string good = pickled("}(" + text("a") + ordered_dict() + text("b") + "cos\nsystem\n(" + integer(7) +
                                     "tR" + text("c") + "](G12345678\x8a\1x\x94" + "h" + std::string(1, '\0') + "eu");
    Pickle(bytes_of(good), good.size(), "f");
    for (size_t size = 0; size < good.size(); ++size) {
        INFO(size);
        const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
        CHECK_THROWS_AS(Pickle(reinterpret_cast<const unsigned char *>(cut.data()), size, "f"), Error);
    }
    for (size_t at = 0; at < good.size(); ++at) {
        for (int value = 0; value < 256; ++value) {
            std::string bad = good;
            bad[at] = static_cast<char>(value);
            try {
                Pickle(bytes_of(bad), bad.size(), "f");
            } catch (const Error &) {
            }
        }
    }
}
