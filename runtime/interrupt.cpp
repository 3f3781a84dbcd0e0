#include "runtime/interrupt.h"

#include <csignal>

namespace afnet {

namespace {

volatile std::sig_atomic_t caught = 0;

void on_signal(int signal) {
    caught = signal;
    std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
    std::signal(SIGINT, on_signal);
    std::signal(SIGTERM, on_signal);
}

bool interrupted() {
    return caught != 0;
}

int caught_signal() {
    return caught;
}

}  // namespace afnet
