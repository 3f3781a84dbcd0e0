// What a command prints, and how it ends, for tests of the program itself.
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace afnet_test {

struct ProgramOutput {
    std::string text;  // standard output
    int status = -1;   // -1: ended by a signal
};

/// Runs a shell command to its end.
inline ProgramOutput output_of(const std::string &command) {
    FILE *pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    ProgramOutput output;
    for (int c; (c = std::fgetc(pipe)) != EOF;) output.text += static_cast<char>(c);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) output.status = WEXITSTATUS(status);
    return output;
}

}  // namespace afnet_test
