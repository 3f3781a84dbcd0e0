#include "runtime/png_writer.h"

#include "runtime/error.h"
#include "runtime/file_io.h"
#include "runtime/media_switches.h"

#if AFNET_WITH_IMAGES

#include <csetjmp>
#include <cstdio>
#include <new>

#include <png.h>

namespace afnet {

namespace {

struct PngWriteJob {
    png_structp encoder = nullptr;
    png_infop info = nullptr;
    std::string bytes;
    char message[160] = {};

    ~PngWriteJob() { png_destroy_write_struct(&encoder, &info); }
};

void on_error(png_structp encoder, png_const_charp text) {
    PngWriteJob &job = *static_cast<PngWriteJob *>(png_get_error_ptr(encoder));
    std::snprintf(job.message, sizeof job.message, "%s", text);
    png_longjmp(encoder, 1);
}

void on_warning(png_structp, png_const_charp) {}

// An exception must not pass through libpng: it becomes one of libpng's errors.
void on_write(png_structp encoder, png_bytep data, size_t size) {
    PngWriteJob &job = *static_cast<PngWriteJob *>(png_get_io_ptr(encoder));
    bool stored = true;
    try {
        job.bytes.append(reinterpret_cast<const char *>(data), size);
    } catch (const std::bad_alloc &) {
        stored = false;
    }
    if (!stored) png_error(encoder, "out of memory");
}

void on_flush(png_structp) {}

// False when libpng gave up, with the reason in the job's message. Holds nothing that needs a destructor, because
// libpng jumps over it.
bool write_rows(PngWriteJob &job, const RgbFrame &frame) {
    if (setjmp(png_jmpbuf(job.encoder))) return false;
    png_set_write_fn(job.encoder, &job, on_write, on_flush);
    png_set_IHDR(job.encoder, job.info, static_cast<png_uint_32>(frame.width), static_cast<png_uint_32>(frame.height),
                 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(job.encoder, job.info);
    const size_t row_bytes = size_t(3) * static_cast<size_t>(frame.width);
    for (int y = 0; y < frame.height; ++y)
        png_write_row(job.encoder, frame.data.data() + row_bytes * y);
    png_write_end(job.encoder, job.info);
    return true;
}

} // namespace

std::string encode_png(const RgbFrame &frame) {
    const bool sane = frame.width > 0 && frame.height > 0 &&
                      frame.data.size() == size_t(3) * static_cast<size_t>(frame.width) * frame.height;
    if (!sane) {
        throw Error("PNG: a picture of " + std::to_string(frame.width) + " x " + std::to_string(frame.height) +
                    " with " + std::to_string(frame.data.size()) +
                    " bytes; 3 bytes for each of at least one pixel expected");
    }
    PngWriteJob job;
    job.encoder = png_create_write_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (job.encoder) job.info = png_create_info_struct(job.encoder);
    if (!job.info) throw std::bad_alloc();
    if (!write_rows(job, frame)) {
        throw Error("PNG: a picture of " + std::to_string(frame.width) + " x " + std::to_string(frame.height) +
                    " cannot be encoded: " + job.message + "; at most a million pixels a side expected");
    }
    return std::move(job.bytes);
}

} // namespace afnet

#else // AFNET_WITH_IMAGES

namespace afnet {

std::string encode_png(const RgbFrame &) {
    throw Error("PNG: this build has no image codecs and writes no pictures; build with -DAFNET_WITH_IMAGES=ON");
}

} // namespace afnet

#endif

namespace afnet {

void write_png(const std::string &path, const RgbFrame &frame) {
    write_file(path, encode_png(frame));
}

} // namespace afnet
