// What this CPU can do and the operating system lets programs use, in words.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace afnet {

/// The words of cpuid and of the register XCR0 that features follow from; all zero on other architectures.
struct CpuidWords {
    uint32_t leaf1_ecx = 0;
    uint32_t leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
    uint32_t leaf7_1_eax = 0; // subleaf 1
    uint64_t saved = 0;       // XCR0: the registers that the operating system saves; 0 where it saves none beyond SSE's
};

CpuidWords read_cpuid();

/// Features by their names in Target::features. Those of AMX are `amxtile`, `amxbf16` and, where the operating system
/// has granted this process its registers, `amxpermission`.
std::vector<std::string> features_of(const CpuidWords &words, bool tile_permission);

/// Whether CPU and operating system have AMX's tile registers, permission aside.
bool has_tile_registers(const CpuidWords &words);

/// Linux gives AMX's tile registers to processes that ask for them only, once for all of their threads. This asks.
/// Returns "" where they are granted, else the reason why not. Asking again does no harm.
std::string request_tile_permission();

/// Features of this machine. The first call asks for the permission where there are tile registers.
const std::vector<std::string> &cpu_features();

/// For a message: what of `missing`, features that cpu_features() lacks, stands in the way, and why.
std::string absence_of(const std::vector<std::string> &missing);
/// The same, of a machine without tile permission for `refusal`.
std::string absence_of(const std::vector<std::string> &missing, const std::string &refusal);

} // namespace afnet
