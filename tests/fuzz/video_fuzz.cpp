// Any bytes as a video file: either an Error, or a clip of four whole frames.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/clip_source.h"
#include "runtime/error.h"

namespace {

// A file that exists in memory only, under a path that can be opened.
class MemoryFile {
public:
    MemoryFile(const uint8_t *data, size_t size) : descriptor_(::memfd_create("input", MFD_CLOEXEC)) {
        if (descriptor_ < 0 || ::write(descriptor_, data, size) != static_cast<ssize_t>(size)) std::abort();
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile &) = delete;
    MemoryFile &operator=(const MemoryFile &) = delete;
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

private:
    int descriptor_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const MemoryFile file(data, size);
    afnet::VideoOptions options;
    options.limits.max_pixels = 256 * 256;
    options.limits.max_frames = 300;
    options.limits.seconds = 2;
    options.seek_over_bytes = size % 2 ? 0 : 1 << 20; // both ways of moving through a file
    try {
        const afnet::DecodedClip clip = afnet::read_clip(file.path(), 4, options);
        if (clip.frames.size() != 4 || clip.frame_indices.size() != 4 || clip.total_frames < 1) __builtin_trap();
        for (const afnet::RgbFrame &frame : clip.frames) {
            if (frame.width < 1 || frame.height < 1) __builtin_trap();
            if (frame.data.size() != size_t(3) * frame.width * frame.height) __builtin_trap();
        }
    } catch (const afnet::Error &) {
    }
    return 0;
}
