// A generator whose one knob is what goes wrong: the real algorithm and schedule behind another main. It makes objects
// that are right, wrong, crash, hang or grow, and fails in all these ways itself. tune_program_test.cpp tunes it.
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "schedules/knob.h"

namespace {

enum Fault {
    kAutomatic,
    kNothing = 1, // the automatic kernel's very code
    kOtherCode,   // right, but other code
    kWrongOutput,
    kRefusal,
    kGeneratorCrash,
    kGeneratorHang,
    kGeneratorGrowth,
    kKernelCrash,
    kKernelHang,
    kKernelGrowth,
    kKernelError,
    kSlow, // in no search space; what linear_relu does by itself
};

[[noreturn]] void hang() {
    for (;;)
        std::this_thread::sleep_for(std::chrono::hours(1));
}

[[noreturn]] void grow() {
    std::vector<std::vector<char>> all;
    for (;;)
        all.emplace_back(size_t(1) << 26);
}

void fail(Fault fault) {
    if (fault == kRefusal) throw Halide::CompileError("fault=4 does not go with this shape");
    if (fault == kGeneratorCrash) std::raise(SIGSEGV);
    if (fault == kGeneratorHang) hang();
    if (fault == kGeneratorGrowth) grow();
}

// The body of a function that takes the kernel's place.
std::string replacement(Fault fault) {
    switch (fault) {
    case kKernelCrash:
        return "*(volatile int *)8 = 1; return 0;";
    case kKernelHang:
        return "for (;;) usleep(1000);";
    case kKernelGrowth:
        return "while (malloc(1 << 26)) {} halide_error_out_of_memory(0); return -11;";
    case kKernelError:
        return "halide_error(0, \"a kernel's complaint\"); return -1;";
    default:
        return "";
    }
}

void run(const std::string &command) {
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command + ": failed");
}

// Lets the linker merge the object with code of ours, which wins over the kernel's own entry where it has the same
// name.
void spoil(const std::string &object, const std::string &name, Fault fault) {
    const std::string source = object + ".c", spoilt = object + ".merged";
    std::ofstream out(source);
    out << "#include <stdlib.h>\n#include <unistd.h>\n"
           "void halide_error(void *, const char *);\nint halide_error_out_of_memory(void *);\n";
    if (fault == kSlow) {
        out << "int " << name << "_quick(void **);\nint " << name << "_argv(void **arguments) { usleep(3000); return "
            << name << "_quick(arguments); }\n";
        run("objcopy --redefine-sym " + name + "_argv=" + name + "_quick '" + object + "'");
    } else if (fault == kOtherCode) {
        out << "int " << name << "_other(void) { return 1; }\n";
    } else {
        out << "int " << name << "_argv(void **arguments) { (void)arguments; " << replacement(fault) << " }\n";
        run("objcopy --weaken-symbol=" + name + "_argv '" + object + "'");
    }
    out.close();
    run("cc -O1 -fPIC -c -o '" + spoilt + ".o' '" + source + "' && ld -r -o '" + spoilt + "' '" + object + "' '" +
        spoilt + ".o' && mv '" + spoilt + "' '" + object + "'");
}

int generate(int argc, char **argv) {
    Fault fault = kAutomatic;
    std::string resolved, name, folder;
    std::vector<std::string> kept;
    for (int i = 0; i < argc; i++) {
        const std::string argument = argv[i];
        if (argument == "--resolved") {
            resolved = argv[++i];
        } else if (argument.rfind("fault=", 0) == 0) {
            fault = Fault(std::atoi(argument.c_str() + 6));
        } else {
            if (argument == "-f") name = argv[i + 1];
            if (argument == "-o") folder = argv[i + 1];
            kept.push_back(argument);
        }
    }
    if (fault == kAutomatic && name == "linear_relu") fault = kSlow;
    fail(fault);
    for (std::string &argument : kept) {
        if (fault == kWrongOutput && argument.rfind("activation=", 0) == 0) argument = "activation=hsigmoid";
    }
    std::vector<char *> arguments;
    for (std::string &argument : kept)
        arguments.push_back(argument.data());
    const int status = Halide::Internal::generate_filter_main(int(arguments.size()), arguments.data());
    if (status != 0) return status;
    if (fault == kOtherCode || fault >= kKernelCrash) spoil(folder + "/" + name + ".o", name, fault);
    // What the schedule settled on besides: weights are packed by it.
    std::ofstream out(resolved);
    out << "{\"fault\": " << int(fault);
    for (const auto &[knob, value] : afnet::schedules::Knob::resolved())
        out << ", \"" << knob << "\": " << value;
    out << "}\n";
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    try {
        if (argc == 3 && std::strcmp(argv[1], "--knobs") == 0) {
            std::cout << "{\"fault\": [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}\n";
            return 0;
        }
        return generate(argc, argv);
    } catch (const Halide::Error &error) {
        std::cerr << error.what() << "\n";
        return 1;
    } catch (const std::exception &error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
