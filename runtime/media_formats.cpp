#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include "runtime/media_formats.h"

#include <cstring>
#include <dlfcn.h>

#include "runtime/error.h"

extern "C" {
#include <libavutil/avstring.h>
}

namespace afnet {

const char *const kAcceptedFormats = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,h264,hevc,m4v,mjpeg,"
                                     "yuv4mpegpipe,nut";

const char *const kAcceptedDecoders = "h264,hevc,mpeg4,vp8,vp9,libdav1d,libaom-av1,mjpeg,mpeg1video,mpeg2video,"
                                      "msmpeg4v2,msmpeg4,wmv1,wmv2,wmv3,vc1,h263,flv,theora,prores,ffv1,rawvideo";

bool accepted_format(const char *names) {
    return av_match_list(names, kAcceptedFormats, ',') > 0;
}

const AVCodec *accepted_decoder(const AVStream &stream) {
    // The first decoder of a codec need not be an accepted one: look at all of them.
    void *position = nullptr;
    while (const AVCodec *codec = av_codec_iterate(&position)) {
        const bool decodes = codec->id == stream.codecpar->codec_id && av_codec_is_decoder(codec);
        if (decodes && av_match_list(codec->name, kAcceptedDecoders, ',') > 0) return codec;
    }
    return nullptr;
}

const AVInputFormat *capture_format(const std::string &device) {
    // Capture devices live in a library of their own, which brings sound systems and window systems along. It is loaded
    // when somebody asks for a device, and is not needed otherwise.
    const std::string library = "libavdevice.so." + std::to_string(LIBAVFORMAT_VERSION_MAJOR);
    void *handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
    void *symbol = handle ? ::dlsym(handle, "avdevice_register_all") : nullptr;
    if (!symbol) {
        throw Error(device + ": this machine has no " + library +
                    "; FFmpeg's device library is expected for capture. Install libavdevice59 (Debian), or pipe the "
                    "video into standard input");
    }
    reinterpret_cast<void (*)()>(symbol)();
    const AVInputFormat *format = av_find_input_format("video4linux2");
    if (!format) throw Error(device + ": this FFmpeg cannot capture; one with video4linux2 expected");
    return format;
}

} // namespace afnet

#endif
