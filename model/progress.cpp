#include "model/progress.h"

#include <algorithm>
#include <string>
#include <unistd.h>
#include <utility>

namespace afnet {

namespace {

// Progress is the one thing that the runtime shows; it goes straight to the descriptor, past all buffers.
void show(const std::string &text) {
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::write(STDERR_FILENO, text.data() + done, text.size() - done);
        if (n <= 0) return;
        done += size_t(n);
    }
}

constexpr size_t kBarWidth = 30;

}  // namespace

Progress::Progress(std::string label, size_t total, bool quiet)
    : label_(std::move(label)), total_(std::max<size_t>(total, 1)), quiet_(quiet),
      terminal_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
    if (drawn_ && terminal_) show("\r\033[K");
}

void Progress::update(size_t done, const std::string &note) {
    if (quiet_) return;
    const auto now = std::chrono::steady_clock::now();
    if (terminal_) {
        if (done < total_ && now - last_ < std::chrono::milliseconds(100)) return;
        last_ = now;
    } else {
        if (done < next_line_) return;
        next_line_ = done + std::max<size_t>(total_ / 10, 1);
    }
    draw(done, note);
}

void Progress::draw(size_t done, const std::string &note) {
    drawn_ = true;
    const std::string count = std::to_string(done) + "/" + std::to_string(total_);
    if (!terminal_) {
        show(label_ + ": " + count + (note.empty() ? "" : " " + note) + "\n");
        return;
    }
    const size_t filled = std::min(done, total_) * kBarWidth / total_;
    show("\r\033[K" + label_ + " [" + std::string(filled, '#') + std::string(kBarWidth - filled, '.') + "] " + count +
         (note.empty() ? "" : " " + note.substr(0, 60)));
}

}  // namespace afnet
