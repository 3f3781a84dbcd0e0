#include "runtime/cpu_features.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/text.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace afnet {

namespace {

constexpr const char *kPermission = "amxpermission";

bool bit(uint32_t word, int n) {
    return ((word >> n) & 1u) != 0;
}

bool saves(const CpuidWords &words, uint64_t registers) {
    return (words.saved & registers) == registers;
}

// State components of XCR0.
constexpr uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = uint64_t(3) << 17;

struct Detected {
    std::vector<std::string> features;
    std::string refusal; // of the tile registers, where the CPU has them
};

const Detected &detected() {
    // All of this before a kernel is chosen, let alone run: threads that kernels start have the permission.
    static const Detected once = [] {
        const CpuidWords words = read_cpuid();
        Detected result;
        if (has_tile_registers(words)) result.refusal = request_tile_permission();
        result.features = features_of(words, result.refusal.empty());
        return result;
    }();
    return once;
}

} // namespace

CpuidWords read_cpuid() {
    CpuidWords words;
#if defined(__x86_64__)
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return words;
    words.leaf1_ecx = c;
    if (bit(c, 27)) { // the system uses XSAVE: XCR0 can be read
        unsigned low = 0, high = 0;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        words.saved = (uint64_t(high) << 32) | low;
    }
    unsigned subleaves = 0;
    if (!__get_cpuid_count(7, 0, &subleaves, &b, &c, &d)) return words;
    words.leaf7_ebx = b;
    words.leaf7_ecx = c;
    words.leaf7_edx = d;
    if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) words.leaf7_1_eax = a;
#endif
    return words;
}

bool has_tile_registers(const CpuidWords &words) {
    return bit(words.leaf7_edx, 24) && saves(words, kTiles);
}

std::vector<std::string> features_of(const CpuidWords &words, bool tile_permission) {
    // The operating system must save a register before a program may use it.
    const bool ymm = saves(words, kYmm), zmm = saves(words, kZmm), tiles = has_tile_registers(words);
    std::vector<std::string> found;
    const auto add = [&](const char *name, bool present) {
        if (present) found.push_back(name);
    };
    add("sse41", bit(words.leaf1_ecx, 19));
    add("avx", ymm && bit(words.leaf1_ecx, 28));
    add("f16c", ymm && bit(words.leaf1_ecx, 29));
    add("fma", ymm && bit(words.leaf1_ecx, 12));
    add("avx2", ymm && bit(words.leaf7_ebx, 5));
    add("avx512f", zmm && bit(words.leaf7_ebx, 16));
    add("avx512dq", zmm && bit(words.leaf7_ebx, 17));
    add("avx512cd", zmm && bit(words.leaf7_ebx, 28));
    add("avx512bw", zmm && bit(words.leaf7_ebx, 30));
    add("avx512vl", zmm && bit(words.leaf7_ebx, 31));
    add("avx512ifma", zmm && bit(words.leaf7_ebx, 21));
    add("avx512vbmi", zmm && bit(words.leaf7_ecx, 1));
    add("avx512vbmi2", zmm && bit(words.leaf7_ecx, 6));
    add("gfni", zmm && bit(words.leaf7_ecx, 8));
    add("avx512vnni", zmm && bit(words.leaf7_ecx, 11));
    add("avx512bitalg", zmm && bit(words.leaf7_ecx, 12));
    add("avx512vpopcntdq", zmm && bit(words.leaf7_ecx, 14));
    add("avx512bf16", zmm && bit(words.leaf7_1_eax, 5));
    add("avxvnni", ymm && bit(words.leaf7_1_eax, 4));
    add("avx512fp16", zmm && bit(words.leaf7_edx, 23));
    add("amxtile", tiles);
    add("amxbf16", tiles && bit(words.leaf7_edx, 22));
    add(kPermission, tiles && tile_permission);
    return found;
}

std::string request_tile_permission() {
#if defined(__x86_64__)
    constexpr int kGetPermissions = 0x1022, kRequestPermission = 0x1023; // ARCH_{GET,REQ}_XCOMP_PERM
    constexpr unsigned long kTileData = 18;                              // XFEATURE_XTILEDATA
    unsigned long granted = 0;
    // Older kernels know neither call: EINVAL.
    if (::syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) return std::strerror(errno);
    if (::syscall(SYS_arch_prctl, kGetPermissions, &granted) != 0) return std::strerror(errno);
    return (granted >> kTileData) & 1 ? "" : "granted without effect";
#else
    return "another architecture";
#endif
}

const std::vector<std::string> &cpu_features() {
    return detected().features;
}

std::string absence_of(const std::vector<std::string> &missing, const std::string &refusal) {
    std::vector<std::string> of_cpu;
    std::copy_if(missing.begin(), missing.end(), std::back_inserter(of_cpu),
                 [](const std::string &feature) { return feature != kPermission; });
    if (!of_cpu.empty()) return "this CPU lacks " + join(of_cpu);
    return "the operating system refuses the permission for AMX's tile registers (" + refusal + ")";
}

std::string absence_of(const std::vector<std::string> &missing) {
    return absence_of(missing, detected().refusal);
}

} // namespace afnet
