// The command line of both programs: the arguments of one command, read by its specification.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/cli/command_spec.h"

namespace temper {

// What follows the command's name.
using Arguments = std::vector<std::string>;

class CommandLine {
 public:
  enum class Program { kTemper, kTemperRank };

  explicit CommandLine(const CommandSpec& command, Program program = Program::kTemper);

  // False when help was asked for: print help_text() then. UserError, with the nearest known name,
  // for whatever does not fit; abbreviations don't, as one that works today would break with the
  // next option.
  bool parse(const Arguments& arguments);

  const CommandSpec& command() const { return command_; }
  // Whether an option or argument was given or has a default.
  bool has(std::string_view name) const { return !texts(name).empty(); }
  // T is std::string, int, int64_t, uint64_t or double. UserError when it was not given and has no
  // default, or does not fit into T.
  template <typename T = std::string>
  T get(std::string_view name) const;
  template <typename T = std::string>
  std::optional<T> find(std::string_view name) const {
    return has(name) ? std::optional<T>(get<T>(name)) : std::nullopt;
  }
  // All values of an option or argument that may be given many times; empty when there are none.
  const std::vector<std::string>& texts(std::string_view name) const;
  std::vector<int64_t> integers(std::string_view name) const;

  // What temper-rank is to be started with: its command's name and the arguments as they were
  // given, less the options that only `temper` understands.
  Arguments rank_arguments() const;

  // A UserError that says where help is.
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  void take_option(const std::string& name, const std::vector<std::string>& values);
  void take_arguments(const std::vector<std::string>& bare);
  void check_value(const OptionSpec& option, const std::string& value) const;
  [[noreturn]] void refuse_unknown(const std::string& option) const;

  using Values = std::map<std::string, std::vector<std::string>, std::less<>>;

  const CommandSpec& command_;
  Program program_;
  Values given_, defaults_;
  Arguments for_rank_;
};

}  // namespace temper
