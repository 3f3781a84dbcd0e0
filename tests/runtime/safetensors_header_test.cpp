#include "runtime/safetensors_header.h"

#include "tests/runtime/safetensors_builder.h"

using namespace afnet;
using namespace afnet_test;
using namespace afnet_test::safetensors;
using Catch::Matchers::Contains;

TEST_CASE("safetensors: a header that is no JSON object is refused", "[safetensors]") {
    CHECK_THAT(refusal_of(file_of(" {}")), Contains("the header does not start with '{'"));
    CHECK_THAT(refusal_of(file_of("[]")), Contains("the header does not start with '{'"));
    CHECK_THAT(refusal_of(file_of("\xef\xbb\xbf{}")), Contains("the header does not start with '{'"));
    CHECK_THAT(refusal_of(file_of("{\"\xff\":{}}")), Contains("the header is not UTF-8"));
    CHECK_THAT(refusal_of(file_of("{\"\xc0\x80\":{}}")), Contains("the header is not UTF-8"));
    CHECK_THAT(refusal_of(file_of("{\"\xed\xa0\x80\":{}}")), Contains("the header is not UTF-8"));
    CHECK_THAT(refusal_of(file_of(R"({"\ud800":{}})")), Contains("the header is not JSON at its byte"));
    CHECK_THAT(refusal_of(file_of("{")), Contains("the header is not JSON at its byte 2"));
    CHECK_THAT(refusal_of(file_of("{}}")), Contains("the header is not JSON at its byte 3"));
    CHECK_THAT(refusal_of(file_of("{} {}")), Contains("the header is not JSON"));
    CHECK_THAT(refusal_of(file_of("{/**/}")), Contains("the header is not JSON"));
    // What follows a NUL would never be looked at.
    CHECK_THAT(refusal_of(file_of(std::string("{}\0PK", 5))), Contains("the header holds a NUL at its byte 2"));
}

TEST_CASE("safetensors: names twice or too long are refused", "[safetensors]") {
    const std::string entry = R"({"dtype":"F32","shape":[0],"data_offsets":[0,0]})";
    CHECK_THAT(refusal_of(file_of(R"({"t":)" + entry + R"(,"\u0074":)" + entry + "}")),
               Contains("tensor 't' appears twice"));
    CHECK_THAT(refusal_of(file_of(R"({"__metadata__":{},"__metadata__":{}})")), Contains("__metadata__ appears twice"));
    CHECK_THAT(refusal_of(file_of(R"({"__metadata__":{"a":"1","a":"1"}})")), Contains("metadata 'a' appears twice"));
    CHECK_THAT(refusal_of(file_of(R"({"t":{"dtype":"F32","dtype":"F32"}})")),
               Contains("'dtype' of tensor 't' appears twice"));
    CHECK(opened(file_of("{\"" + std::string(1024, 'n') + "\":" + entry + "}")).tensors().size() == 1);
    CHECK_THAT(refusal_of(file_of("{\"" + std::string(1025, 'n') + "\":" + entry + "}")),
               Contains("...' is 1025 bytes long; at most 1024 expected"));
}

TEST_CASE("safetensors: entries of another form are refused", "[safetensors]") {
    const auto header = [](const std::string &text) { return refusal_of(file_of(text, 4)); };
    CHECK_THAT(header(R"({"t":1})"), Contains("tensor 't' holds the number 1; an object expected"));
    CHECK_THAT(header(R"({"t":[]})"), Contains("tensor 't' holds a list; an object expected"));
    CHECK_THAT(header(R"({"t":null})"), Contains("tensor 't' holds null"));
    CHECK_THAT(header(R"({"t":true})"), Contains("tensor 't' holds a boolean"));
    CHECK_THAT(header(R"({"t":"x"})"), Contains("tensor 't' holds the text 'x'"));
    CHECK_THAT(header(R"({"__metadata__":1})"), Contains("__metadata__ holds the number 1; an object expected"));
    CHECK_THAT(header(R"({"__metadata__":{"a":1}})"), Contains("metadata 'a' holds the number 1; text expected"));
    CHECK_THAT(header(R"({"__metadata__":{"a":{}}})"), Contains("metadata 'a' holds an object; text expected"));
    CHECK_THAT(header(R"({"t":{}})"), Contains("tensor 't' has no dtype"));
    CHECK_THAT(header(R"({"t":{"dtype":"F32"}})"), Contains("tensor 't' has no shape"));
    CHECK_THAT(header(R"({"t":{"dtype":"F32","shape":[]}})"), Contains("tensor 't' has no data_offsets"));
    CHECK_THAT(header(R"({"t":{"stride":1}})"), Contains("unknown field 'stride' of tensor 't'"));
    CHECK_THAT(header(one("[1]", "[0,4]", "7")), Contains("'dtype' of tensor 't' holds the number 7; text expected"));
    CHECK_THAT(header(one("[1]", "[0,4]", "[]")), Contains("'dtype' of tensor 't' holds a list; text expected"));
    CHECK_THAT(header(one("4", "[0,4]")), Contains("'shape' of tensor 't' holds the number 4; a list of whole"));
    CHECK_THAT(header(one("[-1]", "[0,4]")),
               Contains("'shape' of tensor 't' holds the number -1; a whole number from"));
    CHECK_THAT(header(one("[1.0]", "[0,4]")), Contains("'shape' of tensor 't' holds the number 1.0"));
    CHECK_THAT(header(one("[1e999]", "[0,4]")), Contains("the header is not JSON"));
    CHECK_THAT(header(one("[\"1\"]", "[0,4]")), Contains("'shape' of tensor 't' holds the text '1'"));
    CHECK_THAT(header(one("[1]", "[0]")), Contains("'data_offsets' of tensor 't' has 1 numbers; [begin, end]"));
    CHECK_THAT(header(one("[1]", "[0,4,4]")), Contains("'data_offsets' of tensor 't' is longer than 2"));
    CHECK_THAT(header(one("[1,1,1,1,1,1,1,1,1]", "[0,4]")), Contains("'shape' of tensor 't' is longer than 8"));
    CHECK(opened(file_of(one("[1,1,1,1,1,1,1,1]", "[0,4]"), 4)).tensors()[0].shape.size() == 8);
    CHECK_THAT(header(one("[1]", "[0,4]", "\"F8_E4M3\"")), Contains("tensor 't' has dtype 'F8_E4M3'; one of F32, F64"));
}

TEST_CASE("safetensors: deep nesting is refused where it begins", "[safetensors]") {
    CHECK_THAT(refusal_of(file_of(R"({"t":{"shape":[[)")), Contains("'shape' of tensor 't' holds a list; a whole"));
    CHECK_THAT(refusal_of(file_of(R"({"t":{"shape":[{)")), Contains("'shape' of tensor 't' holds an object; a whole"));
    CHECK_THAT(refusal_of(file_of("{\"t\":" + std::string(1000000, '['))), Contains("tensor 't' holds a list"));
}
