// Lists of clips as people and programs write them, and what is wrong with others.
#include <catch2/catch.hpp>
#include <fstream>

#include "model/clip_list.h"
#include "runtime/error.h"
#include "tests/temporary_folder.h"

using namespace afnet;
using Catch::Contains;

namespace {

// A list in a folder of its own.
class List {
public:
    explicit List(const std::string &text) { add("list.txt", text); }
    void add(const std::string &name, const std::string &text) const {
        std::ofstream(folder_.file(name), std::ios::binary) << text;
    }
    std::string path() const { return folder_.file("list.txt"); }
    std::string file(const std::string &name) const { return folder_.file(name); }
    std::vector<ListedClip> read() const { return read_clip_list(path()); }

private:
    TemporaryFolder folder_;
};

} // namespace

TEST_CASE("lines of a path and a label", "[clip_list]") {
    const List list("videos/000000.mp4 3\nvideos/a b c.mp4 0\n/elsewhere/x.mp4\t12\n");
    const auto clips = list.read();
    REQUIRE(clips.size() == 3);
    CHECK(clips[0].path == list.file("videos/000000.mp4"));
    CHECK(clips[0].name == "videos/000000.mp4");
    CHECK(clips[0].label == 3);
    CHECK(clips[0].frames == 0);
    CHECK(clips[1].name == "videos/a b c.mp4");
    CHECK(clips[1].label == 0);
    CHECK(clips[2].path == "/elsewhere/x.mp4");
    CHECK(clips[2].label == 12);
}

TEST_CASE("lines of a path, a number of frames and a label", "[clip_list]") {
    const auto clips = List("78687 34 7\nmy clip 2 120 5\n  7 8 9  \n5 6\n").read();
    REQUIRE(clips.size() == 4);
    CHECK(clips[0].name == "78687");
    CHECK(clips[0].frames == 34);
    CHECK(clips[0].label == 7);
    CHECK(clips[1].name == "my clip 2");
    CHECK(clips[1].frames == 120);
    CHECK(clips[2].name == "7");
    CHECK(clips[2].frames == 8);
    CHECK(clips[3].name == "5"); // a number before the label that is all there is, is the path
    CHECK(clips[3].frames == 0);
    CHECK(clips[3].label == 6);
}

TEST_CASE("comments, empty lines, line ends and a byte order mark", "[clip_list]") {
    const auto clips = List("\xef\xbb\xbf# clips\r\n\r\na.mp4 1\r\n \t \n  # b.mp4 2\nc#.mp4 3").read();
    REQUIRE(clips.size() == 2);
    CHECK(clips[0].name == "a.mp4");
    CHECK(clips[0].label == 1);
    CHECK(clips[1].name == "c#.mp4");
    CHECK(clips[1].label == 3);
}

TEST_CASE("another root takes the place of the list's folder", "[clip_list]") {
    const List list("a/b 30 1\n");
    CHECK(read_clip_list(list.path(), "/data/frames")[0].path == "/data/frames/a/b");
    CHECK(read_clip_list(list.path(), "/data/frames")[0].name == "a/b");
}

TEST_CASE("faults of lists name file and line", "[clip_list]") {
    const struct {
        std::string line, fault;
    } cases[] = {
        {"b.mp4", "'b.mp4'; `path label`"},
        {"3", "'3'; `path label`"},
        {"b.mp4 cat", "`path label`"},
        {"b.mp4 1.5", "`path label`"},
        {"b.mp4 -1", "label '-1'"},
        {"b.mp4 100000", "label '100000'"},
        {"b.mp4 99999999999999999999", "label '99999999999999999999'"},
        {"b.mp4 0 4", "'0' frames"},
        {"b.mp4 -3 4", "'-3' frames"},
        {std::string("b\0.mp4 4", 8), "zero byte"},
        {"b\x1b[31m", "\\x1b"},
    };
    for (const auto &each : cases) {
        const List list("a.mp4 1\n\n" + each.line + "\nc.mp4 2\n");
        INFO(each.fault);
        CHECK_THROWS_WITH(list.read(), Contains(list.path() + ":3: ") && Contains(each.fault));
    }
    CHECK_THROWS_WITH(List("").read(), Contains("no clips"));
    CHECK_THROWS_WITH(List("# nothing\n\n").read(), Contains("no clips"));
    CHECK_THROWS_AS(read_clip_list("/nowhere/list.txt"), Error);
    CHECK(List("a.mp4 99999\n").read()[0].label == 99999);
}

TEST_CASE("clips that the list says are short can be dropped", "[clip_list]") {
    auto clips = List("a 2 0\nb 3 1\nc.mp4 2\nd 1 1\n").read();
    CHECK(drop_short_clips(clips, 3) == 2);
    REQUIRE(clips.size() == 2);
    CHECK(clips[0].name == "b");
    CHECK(clips[1].name == "c.mp4");
}

TEST_CASE("names of classes beside a list", "[clip_list]") {
    const List list("a.mp4 1\n");
    CHECK(class_names(list.path()).empty());
    list.add("category.txt", "third\n");
    CHECK(class_names(list.path()) == std::vector<std::string>{"third"});
    list.add("labels.txt", "Moving left\r\nMoving right\r\n\r\n");
    CHECK(class_names(list.path()) == std::vector<std::string>{"Moving left", "Moving right"});
    list.add("classes.txt", "caf\xc3\xa9\nbar");
    CHECK(class_names(list.path()) == std::vector<std::string>{"caf\xc3\xa9", "bar"});
    list.add("classes.txt", "a\n\nb\n");
    CHECK_THROWS_WITH(class_names(list.path()), Contains("classes.txt:2: "));
    list.add("classes.txt", "\n");
    CHECK_THROWS_WITH(class_names(list.path()), Contains("classes.txt: is empty"));
    list.add("classes.txt", "\xff\n");
    CHECK_THROWS_WITH(class_names(list.path()), Contains("UTF-8"));
}

TEST_CASE("true key frames beside a list", "[clip_list]") {
    const List list("videos/0.mp4 1\n");
    CHECK_FALSE(key_frames(list.path()));
    list.add("key_frames.json", R"({"format": "afnet-key-frames/1", "frames": 8, "hold": 2, "clips": {
"videos/0.mp4": [1, 7], "videos/1.mp4": []}})");
    const auto truth = key_frames(list.path());
    REQUIRE(truth);
    CHECK(truth->frames == 8);
    CHECK(truth->hold == 2);
    CHECK(truth->clips.at("videos/0.mp4") == std::vector<int>{1, 7});
    CHECK(truth->clips.at("videos/1.mp4").empty());
    for (const char *keys : {"[1, 8]", "[-1]", "[2, 1]", "[1, 1]", "3", "[\"a\"]"}) {
        INFO(keys);
        list.add("key_frames.json", R"({"format": "afnet-key-frames/1", "frames": 8, "hold": 2, "clips": {"a": )" +
                                        std::string(keys) + "}}");
        CHECK_THROWS_WITH(key_frames(list.path()), Contains("key_frames.json: "));
    }
    for (const char *text : {"", "[]", "{}", R"({"format": "other", "frames": 8, "hold": 2, "clips": {}})",
                             R"({"format": "afnet-key-frames/1", "frames": 0, "hold": 2, "clips": {}})"}) {
        INFO(text);
        list.add("key_frames.json", text);
        CHECK_THROWS_WITH(key_frames(list.path()), Contains("key_frames.json: "));
    }
}
