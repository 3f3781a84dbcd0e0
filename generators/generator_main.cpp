// The main of every generator executable: Halide's, with two additions for `afnet compile` and the tuner.
//
//   GENERATOR --knobs NAME               prints the search space of generator NAME as JSON
//   GENERATOR --resolved FILE ARG...     also writes the knob values that the schedule settled on to FILE, as JSON
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "schedules/knob.h"

namespace {

using afnet::schedules::Knob;

int print_knobs(const std::string &generator) {
    const Halide::GeneratorContext context(Halide::get_host_target());
    const auto created = Halide::Internal::GeneratorRegistry::create(generator, context);
    std::cout << "{";
    const char *separator = "";
    for (const auto &[name, candidates] : Knob::spaces()) {
        std::cout << separator << "\"" << name << "\": [";
        separator = "";
        for (int candidate : candidates) {
            std::cout << separator << candidate;
            separator = ", ";
        }
        std::cout << "]";
        separator = ", ";
    }
    std::cout << "}\n";
    return 0;
}

bool write_resolved(const std::string &path) {
    std::ofstream out(path);
    out << "{";
    const char *separator = "";
    for (const auto &[name, value] : Knob::resolved()) {
        out << separator << "\"" << name << "\": " << value;
        separator = ", ";
    }
    out << "}\n";
    return bool(out.flush());
}

}  // namespace

int main(int argc, char **argv) {
    try {
        std::vector<char *> arguments(argv, argv + argc);
        if (argc == 3 && std::strcmp(argv[1], "--knobs") == 0) return print_knobs(argv[2]);
        std::string resolved;
        if (argc > 3 && std::strcmp(argv[1], "--resolved") == 0) {
            resolved = argv[2];
            arguments.erase(arguments.begin() + 1, arguments.begin() + 3);
        }
        const int status = Halide::Internal::generate_filter_main(int(arguments.size()), arguments.data());
        if (status != 0 || resolved.empty()) return status;
        return write_resolved(resolved) ? 0 : 1;
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
