#include "runtime/media_switches.h"
#if AFNET_WITH_FFMPEG

#include <cstdarg>
#include <mutex>

#include "runtime/ffmpeg_handles.h"

namespace afnet {

namespace {

// FFmpeg logs from the thread that called it, as decoders here have no threads of their own.
thread_local std::string first_message;

// A file may put bytes of its own into a message: keep only what is safe on a terminal.
std::string printable(const char *text) {
    std::string result;
    for (; *text && result.size() < 160; ++text) {
        if (*text == '\n') break;
        result += *text >= ' ' && *text <= '~' ? *text : '?';
    }
    return result;
}

void keep_message(void *, int level, const char *format, va_list arguments) {
    if (level > AV_LOG_ERROR || !first_message.empty()) return;
    char line[512];
    std::vsnprintf(line, sizeof line, format, arguments);
    first_message = printable(line);
}

} // namespace

void collect_ffmpeg_messages() {
    static std::once_flag installed;
    std::call_once(installed, [] { av_log_set_callback(keep_message); });
    first_message.clear();
}

std::string ffmpeg_message() {
    return first_message;
}

std::string ffmpeg_reason(int code) {
    char text[AV_ERROR_MAX_STRING_SIZE] = {};
    av_strerror(code, text, sizeof text);
    return first_message.empty() ? text : std::string(text) + " (" + first_message + ")";
}

} // namespace afnet

#endif
