// Runs a fuzz target over given files, and over all files in given folders, for compilers without libFuzzer. A finding
// ends the program as it would under libFuzzer. Options (arguments that start with '-') are ignored.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

bool replay(const std::filesystem::path &path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        std::fprintf(stderr, "%s: cannot open\n", path.c_str());
        return false;
    }
    const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    return true;
}

} // namespace

int main(int argc, char **argv) {
    size_t inputs = 0;
    bool ok = true;
    for (int i = 1; i < argc; ++i) {
        if (argv[i][0] == '-') continue;
        if (std::filesystem::is_directory(argv[i])) {
            for (const auto &entry : std::filesystem::recursive_directory_iterator(argv[i])) {
                if (!entry.is_regular_file()) continue;
                ok = replay(entry.path()) && ok;
                ++inputs;
            }
        } else {
            ok = replay(argv[i]) && ok;
            ++inputs;
        }
    }
    std::fprintf(stderr, "%zu inputs replayed\n", inputs);
    return ok && inputs > 0 ? 0 : 1;
}
