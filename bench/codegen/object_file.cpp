#include "bench/codegen/object_file.h"

#include <cstring>
#include <elf.h>

#include "runtime/error.h"

namespace afnet {

size_t code_bytes(const std::string &contents, const std::string &where) {
    const auto refuse = [&](const char *why) { return Error(where + ": not an object file: " + why); };
    Elf64_Ehdr header;
    if (contents.size() < sizeof header) throw refuse("too short");
    std::memcpy(&header, contents.data(), sizeof header);
    const bool known = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
                       header.e_ident[EI_DATA] == ELFDATA2LSB;
    if (!known) throw refuse("64-bit little-endian ELF expected");
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > contents.size()) throw refuse("no sections");
    const size_t room = (contents.size() - header.e_shoff) / sizeof(Elf64_Shdr);
    // With 0xff00 sections or more their number stands in the first one: a section for each function.
    size_t sections = header.e_shnum;
    Elf64_Shdr section;
    if (sections == 0 && room > 0) {
        std::memcpy(&section, contents.data() + header.e_shoff, sizeof section);
        sections = section.sh_size;
    }
    if (sections > room) throw refuse("cut off");
    size_t bytes = 0;
    for (size_t i = 0; i < sections; i++) {
        std::memcpy(&section, contents.data() + header.e_shoff + i * sizeof section, sizeof section);
        if (section.sh_type == SHT_PROGBITS && (section.sh_flags & SHF_EXECINSTR) != 0) bytes += section.sh_size;
    }
    return bytes;
}

} // namespace afnet
