#include "runtime/interrupt.h"

#include <csignal>

namespace afnet {

namespace {

volatile std::sig_atomic_t caught = 0;
volatile std::sig_atomic_t save_requested = 0;

void on_signal(int signal) {
    caught = signal;
    std::signal(signal, SIG_DFL);
}

void on_save_request(int) {
    save_requested = 1;
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

void catch_save_requests() {
    std::signal(SIGUSR1, on_save_request);
}

bool take_save_request() {
    if (!save_requested) return false;
    save_requested = 0;
    return true;
}

}  // namespace afnet
