// Semantics follow Intel's Software Developer's Manual, volume 2: LDTILECFG, TILERELEASE, TILEZERO, TILELOADD,
// TILESTORED, TDPBF16PS. What the manual makes a fault ends the process here.
#include "tests/tile_emulator.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>

#include "runtime/cpu_features.h"
#include "runtime/element_type.h"

#if defined(__x86_64__)
#include <ucontext.h>
#endif

namespace afnet {

namespace {

std::atomic<uint64_t> products{0};

#if defined(__x86_64__)

constexpr int kRegisters = 8, kRows = 16, kRowBytes = 64;

struct TileRegister {
    int rows = 0, row_bytes = 0; // as configured; 0: not in use
    uint8_t bytes[kRows][kRowBytes] = {};
};

thread_local TileRegister tiles[kRegisters];

// In decimal order of the encoding.
const int kGeneralRegisters[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

// An instruction with a VEX prefix of three bytes and opcode map 0F38, which all of AMX's are.
struct Instruction {
    int opcode, prefix, length; // prefix: 0 none, 1 66, 2 F3, 3 F2
    int reg, rm, second;        // second: VEX.vvvv
    bool in_memory;             // the operand of rm
    uint8_t *address = nullptr; // of it
    int64_t stride = 0;         // the index register, scaled: bytes between rows
};

bool decode(const ucontext_t &context, Instruction &decoded) {
    const auto &general = context.uc_mcontext.gregs;
    const auto value = [&](int number) { return int64_t(general[kGeneralRegisters[number]]); };
    const uint8_t *code = reinterpret_cast<const uint8_t *>(general[REG_RIP]);
    if (code[0] != 0xc4 || (code[1] & 0x1f) != 2) return false;
    const int r = code[1] & 0x80 ? 0 : 8, x = code[1] & 0x40 ? 0 : 8, b = code[1] & 0x20 ? 0 : 8;
    decoded.prefix = code[2] & 3;
    decoded.second = (~code[2] >> 3) & 15;
    decoded.opcode = code[3];
    const int mode = code[4] >> 6;
    decoded.reg = ((code[4] >> 3) & 7) | r;
    decoded.rm = (code[4] & 7) | b;
    decoded.in_memory = mode != 3;
    decoded.length = 5;
    if (!decoded.in_memory) return true;
    int64_t base = 0;
    const bool has_index = (code[4] & 7) == 4;
    int displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0;
    bool from_next = false; // relative to the next instruction
    if (has_index) {
        const int scale = code[5] >> 6, index = ((code[5] >> 3) & 7) | x;
        if (index != 4) decoded.stride = value(index) * (1 << scale);
        if (mode == 0 && (code[5] & 7) == 5) {
            displacement = 4;
        } else {
            base = value((code[5] & 7) | b);
        }
        decoded.length++;
    } else if (mode == 0 && (code[4] & 7) == 5) {
        from_next = true;
        displacement = 4;
    } else {
        base = value(decoded.rm);
    }
    if (displacement == 1) base += int8_t(code[decoded.length]);
    if (displacement == 4) {
        int32_t wide;
        std::memcpy(&wide, code + decoded.length, 4);
        base += wide;
    }
    decoded.length += displacement;
    if (from_next) base += int64_t(general[REG_RIP]) + decoded.length;
    decoded.address = reinterpret_cast<uint8_t *>(base);
    return true;
}

bool configured(int number) {
    return number < kRegisters && tiles[number].rows > 0 && tiles[number].row_bytes > 0;
}

bool configure(const uint8_t *memory) {
    const int palette = memory[0];
    for (TileRegister &tile : tiles)
        tile = TileRegister();
    if (palette == 0) return true;
    if (palette != 1 || memory[1] != 0) return false;
    for (int t = 0; t < 16; t++) {
        uint16_t row_bytes;
        std::memcpy(&row_bytes, memory + 16 + 2 * t, 2);
        const int rows = memory[48 + t];
        if (t >= kRegisters ? row_bytes || rows : row_bytes > kRowBytes || rows > kRows || !row_bytes != !rows) {
            return false;
        }
        if (t >= kRegisters) continue;
        tiles[t].rows = rows;
        tiles[t].row_bytes = row_bytes;
    }
    return true;
}

void load(TileRegister &tile, const uint8_t *from, int64_t stride) {
    std::memset(tile.bytes, 0, sizeof tile.bytes);
    for (int row = 0; row < tile.rows; row++)
        std::memcpy(tile.bytes[row], from + row * stride, size_t(tile.row_bytes));
}

void store(const TileRegister &tile, uint8_t *to, int64_t stride) {
    for (int row = 0; row < tile.rows; row++)
        std::memcpy(to + row * stride, tile.bytes[row], size_t(tile.row_bytes));
}

template <class Number> Number element(const TileRegister &tile, int row, int column) {
    Number number;
    std::memcpy(&number, tile.bytes[row] + size_t(column) * sizeof number, sizeof number);
    return number;
}

// Each dword of the sum gets the products of the even elements and those of the odd ones, summed apart.
bool multiply(TileRegister &sum, const TileRegister &a, const TileRegister &b) {
    if (sum.rows != a.rows || sum.row_bytes != b.row_bytes || a.row_bytes != 4 * b.rows || sum.row_bytes % 4 != 0) {
        return false;
    }
    for (int row = 0; row < sum.rows; row++) {
        for (int column = 0; column < sum.row_bytes / 4; column++) {
            float partial[2] = {0, 0};
            for (int pair = 0; pair < b.rows; pair++) {
                for (int half : {0, 1}) {
                    partial[half] =
                        std::fma(float_of_bfloat16(element<uint16_t>(a, row, 2 * pair + half)),
                                 float_of_bfloat16(element<uint16_t>(b, pair, 2 * column + half)), partial[half]);
                }
            }
            const float total = element<float>(sum, row, column) + (partial[0] + partial[1]);
            std::memcpy(sum.bytes[row] + 4 * column, &total, 4);
        }
    }
    std::memset(sum.bytes + sum.rows, 0, size_t(kRows - sum.rows) * kRowBytes);
    products++;
    return true;
}

enum Opcode { kConfigure = 0x49, kMove = 0x4b, kMultiply = 0x5c };
enum Prefix { kNone = 0, k66 = 1, kF3 = 2, kF2 = 3 };

bool execute(const Instruction &i) {
    if (i.opcode == kConfigure && i.prefix == kNone && i.in_memory) return configure(i.address);
    if (i.opcode == kConfigure && i.prefix == kNone && i.reg == 0 && i.rm == 0) { // TILERELEASE
        for (TileRegister &tile : tiles)
            tile = TileRegister();
        return true;
    }
    if (!configured(i.reg)) return false;
    TileRegister &tile = tiles[i.reg];
    if (i.opcode == kConfigure && i.prefix == kF2 && !i.in_memory) { // TILEZERO
        std::memset(tile.bytes, 0, sizeof tile.bytes);
        return true;
    }
    if (i.opcode == kMove && i.in_memory && (i.prefix == kF2 || i.prefix == k66)) {
        load(tile, i.address, i.stride);
        return true;
    }
    if (i.opcode == kMove && i.in_memory && i.prefix == kF3) {
        store(tile, i.address, i.stride);
        return true;
    }
    const bool multiplies = i.opcode == kMultiply && i.prefix == kF3 && !i.in_memory;
    return multiplies && configured(i.rm) && configured(i.second) && multiply(tile, tiles[i.rm], tiles[i.second]);
}

struct sigaction handled_before; // by Catch, which reports and ends the process

void handle(int signal, siginfo_t *, void *where) {
    ucontext_t &context = *static_cast<ucontext_t *>(where);
    Instruction decoded;
    if (decode(context, decoded) && execute(decoded)) {
        context.uc_mcontext.gregs[REG_RIP] += decoded.length;
        return;
    }
    sigaction(signal, &handled_before, nullptr); // and the instruction raises it again
}

#endif

} // namespace

bool tiles_can_be_emulated(const std::vector<std::string> &features) {
#if defined(__x86_64__)
    if (has_tile_registers(read_cpuid())) return false; // they would not be illegal
    const auto &have = cpu_features();
    return std::all_of(features.begin(), features.end(), [&](const std::string &feature) {
        return feature.rfind("amx", 0) == 0 || std::count(have.begin(), have.end(), feature) > 0;
    });
#else
    return features.empty();
#endif
}

void emulate_tiles() {
#if defined(__x86_64__)
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    struct sigaction before;
    sigaction(SIGILL, &action, &before);
    if (before.sa_sigaction != handle) handled_before = before;
#endif
}

uint64_t emulated_tile_products() {
    return products;
}

} // namespace afnet
