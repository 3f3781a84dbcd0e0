#include "model/command_line.h"

#include <CLI/CLI.hpp>

namespace afnet {

CommandOption CommandOption::required() {
    option_->required();
    return *this;
}

CommandOption CommandOption::capture_default_str() {
    option_->capture_default_str();
    return *this;
}

CommandOption CommandOption::default_str(const std::string &text) {
    option_->default_str(text);
    return *this;
}

CommandOption CommandOption::expected(int least, int most) {
    option_->expected(least, most);
    return *this;
}

CommandOption CommandOption::take_all() {
    option_->take_all();
    return *this;
}

CommandOption CommandOption::range(int least, int most) {
    option_->check(CLI::Range(least, most));
    return *this;
}

CommandOption CommandOption::range(int64_t least, int64_t most) {
    option_->check(CLI::Range(least, most));
    return *this;
}

CommandOption CommandOption::range(double least, double most) {
    option_->check(CLI::Range(least, most));
    return *this;
}

CommandOption CommandOption::one_of(const std::vector<std::string> &words) {
    option_->check(CLI::IsMember(words));
    return *this;
}

CommandOption CommandOption::check(const std::function<std::string(const std::string &)> &fault) {
    option_->check(fault);
    return *this;
}

CommandOption CommandOption::needs(CommandOption other) {
    option_->needs(other.option_);
    return *this;
}

CommandOption CommandOption::needs(const std::string &flag) {
    option_->needs(flag);
    return *this;
}

CommandOption CommandOption::excludes(CommandOption other) {
    option_->excludes(other.option_);
    return *this;
}

size_t CommandOption::count() const {
    return option_->count();
}

CommandLine::CommandLine(const std::string &summary) : app_(std::make_shared<CLI::App>(summary)) {}

CommandLine CommandLine::add_subcommand(const std::string &name, const std::string &summary) {
    return CommandLine(app_->get_subcommand_ptr(app_->add_subcommand(name, summary)));
}

void CommandLine::require_subcommand(int count) {
    app_->require_subcommand(count);
}

void CommandLine::fallthrough() {
    app_->fallthrough();
}

void CommandLine::group(const std::string &heading) {
    app_->group(heading);
}

void CommandLine::footer(const std::string &text) {
    app_->footer(text);
}

void CommandLine::set_version_flag(const std::string &names, const std::string &version) {
    app_->set_version_flag(names, version);
}

template <class Value>
CommandOption CommandLine::add_option(const std::string &names, Value &value, const std::string &help) {
    return CommandOption(app_->add_option(names, value, help));
}

template <class Value>
CommandOption CommandLine::add_option_function(const std::string &names, const std::function<void(const Value &)> &set,
                                               const std::string &help) {
    return CommandOption(app_->add_option_function<Value>(names, set, help));
}

CommandOption CommandLine::add_flag(const std::string &names, bool &value, const std::string &help) {
    return CommandOption(app_->add_flag(names, value, help));
}

void CommandLine::add_flag_callback(const std::string &names, const std::function<void()> &set,
                                    const std::string &help) {
    app_->add_flag_callback(names, set, help);
}

std::optional<int> CommandLine::parse(int argc, const char *const *argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        return app_->exit(error) == 0 ? 0 : 2;
    }
    return std::nullopt;
}

bool CommandLine::parsed() const {
    return app_->parsed();
}

template <class Value>
using Set = std::function<void(const Value &)>;
using Text = std::string;

template CommandOption CommandLine::add_option(const Text &, int &, const Text &);
template CommandOption CommandLine::add_option(const Text &, int64_t &, const Text &);
template CommandOption CommandLine::add_option(const Text &, uint64_t &, const Text &);
template CommandOption CommandLine::add_option(const Text &, double &, const Text &);
template CommandOption CommandLine::add_option(const Text &, Text &, const Text &);
template CommandOption CommandLine::add_option(const Text &, std::optional<double> &, const Text &);
template CommandOption CommandLine::add_option(const Text &, std::vector<int> &, const Text &);
template CommandOption CommandLine::add_option(const Text &, std::vector<double> &, const Text &);
template CommandOption CommandLine::add_option(const Text &, std::vector<Text> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<bool> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<int> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<int64_t> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<double> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<Text> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<std::vector<int>> &, const Text &);
template CommandOption CommandLine::add_option_function(const Text &, const Set<std::vector<Text>> &, const Text &);

} // namespace afnet
