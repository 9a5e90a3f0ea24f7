#include "launcher/command_line.h"

#include <iostream>
#include <utility>

namespace temper {

namespace po = boost::program_options;

CommandLine::CommandLine(std::string usage, std::string about)
    : usage_(std::move(usage)), about_(std::move(about)), shown_("Options", 98, 60) {
  options()("help,h", "this text");
}

po::options_description_easy_init CommandLine::options() {
  return shown_.add_options();
}

void CommandLine::positional(const char* name, int count) {
  hidden_.add_options()(name, po::value<std::vector<std::string>>());
  positional_.add(name, count);
}

bool CommandLine::parse(const Arguments& arguments) {
  po::options_description all;
  all.add(shown_).add(hidden_);
  try {
    po::store(po::command_line_parser(arguments)
                  .options(all)
                  .positional(positional_)
                  .style(kOptionStyle)
                  .run(),
              values_);
    po::notify(values_);
  } catch (const po::error& error) {
    refuse(error.what());
  }
  if (!has("help")) return true;
  std::cout << "Usage: " << usage_ << "\n\n" << about_ << "\n\n" << shown_;
  return false;
}

std::vector<std::string> CommandLine::texts(const std::string& name) const {
  return has(name) ? values_[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::string CommandLine::text(const std::string& name) const {
  const std::vector<std::string> given = texts(name);
  if (given.empty()) refuse(fmt::format("{} is missing", name));
  return given.front();
}

void CommandLine::refuse(const std::string& message) const {
  throw UserError("{}: {} (see {} --help)", command_name(), message, command_name());
}

void CommandLine::require(const std::string& name) const {
  if (!has(name)) refuse(fmt::format("--{} is missing", name));
}

std::string CommandLine::command_name() const {
  return usage_.substr(0, usage_.find(' ', usage_.find(' ') + 1));
}

}  // namespace temper
