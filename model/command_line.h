// A command line's options, as CLI11 reads them. Its templates are compiled once, in command_line.cpp, and its headers
// are read there alone: they take seconds in every file that includes them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
} // namespace CLI

namespace afnet {

/// An option that a CommandLine has, which must outlive this. Each call but count() gives the option back.
class CommandOption {
public:
    explicit CommandOption(CLI::Option *option) : option_(option) {}

    CommandOption required();
    /// Help shows the value that the variable has now.
    CommandOption capture_default_str();
    /// Help shows `text` as the default.
    CommandOption default_str(const std::string &text);
    /// Any number of values in this range.
    CommandOption expected(int least, int most);
    /// Given several times, the values of all count.
    CommandOption take_all();
    /// Values lie between both, which are allowed; the type is the one that help names.
    CommandOption range(int least, int most);
    CommandOption range(int64_t least, int64_t most);
    CommandOption range(double least, double most);
    CommandOption one_of(const std::vector<std::string> &words);
    /// `fault` says what is wrong with a value's text; empty where nothing is.
    CommandOption check(const std::function<std::string(const std::string &)> &fault);
    CommandOption needs(CommandOption other);
    CommandOption needs(const std::string &flag);
    CommandOption excludes(CommandOption other);
    /// How often it was given.
    size_t count() const;

private:
    CLI::Option *option_;
};

/// The options of the program or of one of its subcommands. Copies are the same one.
class CommandLine {
public:
    /// The program's; `summary` heads its help.
    explicit CommandLine(const std::string &summary);

    CommandLine add_subcommand(const std::string &name, const std::string &summary);
    /// So many of the subcommands must be given.
    void require_subcommand(int count);
    /// What this does not know is the command's above it.
    void fallthrough();
    /// The heading under which help lists this subcommand; empty: it does not.
    void group(const std::string &heading);
    void footer(const std::string &text);
    void set_version_flag(const std::string &names, const std::string &version);

    /// An option, or an argument where `names` have no dashes, that sets `value`, which must outlive the parsing. Types
    /// are those that command_line.cpp lists: whole numbers, double, std::string, and vectors of them.
    template <class Value>
    CommandOption add_option(const std::string &names, Value &value, const std::string &help = "");
    /// An option that calls `set` with its value; command_line.cpp lists these types too.
    template <class Value>
    CommandOption add_option_function(const std::string &names, const std::function<void(const Value &)> &set,
                                      const std::string &help);
    CommandOption add_flag(const std::string &names, bool &value, const std::string &help);
    void add_flag_callback(const std::string &names, const std::function<void()> &set, const std::string &help);

    /// Sets the variables of all options. Where the line asks for help or the version, or cannot be understood, that is
    /// printed and the exit status given back: 0 or 2.
    std::optional<int> parse(int argc, const char *const *argv);
    /// Whether this subcommand was given.
    bool parsed() const;

private:
    explicit CommandLine(std::shared_ptr<CLI::App> app) : app_(std::move(app)) {}

    std::shared_ptr<CLI::App> app_;
};

} // namespace afnet
