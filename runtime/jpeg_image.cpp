#include "runtime/media_switches.h"
#if AFNET_WITH_IMAGES

#include "runtime/image_codecs.h"

#include <csetjmp>
#include <cstdio>

#include <jpeglib.h>

#include <jerror.h>

#include "runtime/error.h"

namespace afnet {

namespace {

// libjpeg's own handlers print and exit. These keep the message and jump back instead. All functions that libjpeg may
// jump over hold nothing that needs a destructor: everything that does lives in decode_jpeg, above the jump.
struct JpegJob {
    jpeg_decompress_struct decoder;
    jpeg_error_mgr handlers;
    jmp_buf failed;
    char message[JMSG_LENGTH_MAX];
    bool cut_short; // the data ended before the picture did; libjpeg makes up the rest
};

JpegJob &job_of(j_common_ptr common) {
    return *static_cast<JpegJob *>(common->client_data);
}

void keep_message(j_common_ptr common) {
    common->err->format_message(common, job_of(common).message);
}

void on_error(j_common_ptr common) {
    keep_message(common);
    std::longjmp(job_of(common).failed, 1);
}

void on_message(j_common_ptr common, int level) {
    if (level >= 0) return; // a trace, not a warning
    if (common->err->msg_code == JWRN_JPEG_EOF) job_of(common).cut_short = true;
    if (common->err->num_warnings++ == 0) keep_message(common);
}

// One step of the work; false when libjpeg gave up, with the reason in the job's message.
bool read_header(JpegJob &job, const ImageBytes &bytes) {
    if (setjmp(job.failed)) return false;
    jpeg_create_decompress(&job.decoder);
    jpeg_mem_src(&job.decoder, bytes.data, bytes.size);
    jpeg_read_header(&job.decoder, TRUE);
    job.decoder.out_color_space = JCS_RGB; // the transform and upsampling stay at their defaults, as in Pillow
    return true;
}

bool read_rows(JpegJob &job, uint8_t *rows) {
    if (setjmp(job.failed)) return false;
    jpeg_start_decompress(&job.decoder);
    while (job.decoder.output_scanline < job.decoder.output_height) {
        JSAMPROW row = rows + size_t(3) * job.decoder.output_width * job.decoder.output_scanline;
        jpeg_read_scanlines(&job.decoder, &row, 1);
    }
    jpeg_finish_decompress(&job.decoder);
    return true;
}

struct JpegCloser {
    JpegJob &job;
    ~JpegCloser() { jpeg_destroy_decompress(&job.decoder); }
};

} // namespace

RgbFrame decode_jpeg(const ImageBytes &bytes, const MediaLimits &limits, std::vector<std::string> &warnings) {
    JpegJob job{};
    job.decoder.err = jpeg_std_error(&job.handlers);
    job.decoder.client_data = &job;
    job.handlers.error_exit = on_error;
    job.handlers.emit_message = on_message;
    job.handlers.output_message = keep_message;
    const JpegCloser closer{job};
    const auto damaged = [&] {
        return Error(bytes.path + ": a damaged JPEG picture: " + job.message +
                     "; an intact one expected. Extract or copy this frame again");
    };
    if (!read_header(job, bytes)) throw damaged();
    check_frame_size(bytes.path, job.decoder.image_width, job.decoder.image_height, limits);
    RgbFrame frame;
    frame.width = static_cast<int>(job.decoder.image_width);
    frame.height = static_cast<int>(job.decoder.image_height);
    frame.data.resize(size_t(3) * frame.width * frame.height);
    if (!read_rows(job, frame.data.data()) || job.cut_short) throw damaged();
    if (job.handlers.num_warnings > 0) warnings.push_back(bytes.path + ": slightly damaged: " + job.message);
    return frame;
}

} // namespace afnet

#endif
