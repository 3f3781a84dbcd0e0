#include "runtime/media_switches.h"
#if AFNET_WITH_IMAGES

#include "runtime/image_codecs.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include <png.h>

#include "runtime/error.h"

namespace afnet {

namespace {

// libpng jumps back on errors. All functions that it may jump over hold nothing that needs a destructor: everything
// that does lives in decode_png, above the jump.
struct PngJob {
    png_structp decoder = nullptr;
    png_infop info = nullptr;
    const unsigned char *next = nullptr;
    size_t left = 0;
    char message[160] = {};
    char warning[160] = {};

    ~PngJob() { png_destroy_read_struct(&decoder, &info, nullptr); }
};

template <size_t N> void keep(char (&into)[N], const char *text) {
    if (!into[0]) std::snprintf(into, N, "%s", text);
}

void on_error(png_structp decoder, png_const_charp text) {
    keep(static_cast<PngJob *>(png_get_error_ptr(decoder))->message, text);
    png_longjmp(decoder, 1);
}

void on_warning(png_structp decoder, png_const_charp text) {
    keep(static_cast<PngJob *>(png_get_error_ptr(decoder))->warning, text);
}

void on_read(png_structp decoder, png_bytep into, size_t size) {
    PngJob &job = *static_cast<PngJob *>(png_get_io_ptr(decoder));
    if (size > job.left) png_error(decoder, "the data ends too early");
    std::memcpy(into, job.next, size);
    job.next += size;
    job.left -= size;
}

// Asks for plain 8-bit RGB, whatever the file holds, without any correction of brightness.
void ask_for_rgb(PngJob &job) {
    png_set_strip_16(job.decoder);
    png_set_expand(job.decoder);
    png_set_strip_alpha(job.decoder);
    png_set_gray_to_rgb(job.decoder);
}

// One step of the work; false when libpng gave up, with the reason in the job's message.
bool read_header(PngJob &job) {
    if (setjmp(png_jmpbuf(job.decoder))) return false;
    png_set_read_fn(job.decoder, &job, on_read);
    png_read_info(job.decoder, job.info);
    return true;
}

bool read_rows(PngJob &job, png_bytep *rows, size_t row_bytes) {
    if (setjmp(png_jmpbuf(job.decoder))) return false;
    ask_for_rgb(job);
    png_set_interlace_handling(job.decoder);
    png_read_update_info(job.decoder, job.info);
    if (png_get_rowbytes(job.decoder, job.info) != row_bytes) png_error(job.decoder, "rows of an unexpected length");
    png_read_image(job.decoder, rows);
    png_read_end(job.decoder, nullptr);
    return true;
}

} // namespace

RgbFrame decode_png(const ImageBytes &bytes, const MediaLimits &limits, std::vector<std::string> &warnings) {
    PngJob job;
    job.next = bytes.data;
    job.left = bytes.size;
    job.decoder = png_create_read_struct(PNG_LIBPNG_VER_STRING, &job, on_error, on_warning);
    if (job.decoder) job.info = png_create_info_struct(job.decoder);
    if (!job.info) throw std::bad_alloc();
    // Within libpng's own bound on sides, as ours is on the area.
    const png_uint_32 longest = static_cast<png_uint_32>(std::min<int64_t>(limits.max_pixels, 0x7fffffff));
    png_set_user_limits(job.decoder, longest, longest);
    const auto damaged = [&] {
        return Error(bytes.path + ": a damaged PNG picture: " + job.message +
                     "; an intact one expected. Extract or copy this frame again");
    };
    if (!read_header(job)) throw damaged();
    const int64_t width = png_get_image_width(job.decoder, job.info);
    const int64_t height = png_get_image_height(job.decoder, job.info);
    check_frame_size(bytes.path, width, height, limits);
    RgbFrame frame;
    frame.width = static_cast<int>(width);
    frame.height = static_cast<int>(height);
    const size_t row_bytes = size_t(3) * frame.width;
    frame.data.resize(row_bytes * frame.height);
    std::vector<png_bytep> rows;
    for (int y = 0; y < frame.height; ++y)
        rows.push_back(frame.data.data() + row_bytes * y);
    if (!read_rows(job, rows.data(), row_bytes)) throw damaged();
    if (job.warning[0]) warnings.push_back(bytes.path + ": " + job.warning);
    return frame;
}

} // namespace afnet

#endif
