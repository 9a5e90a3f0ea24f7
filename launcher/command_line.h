// The options of one subcommand: declared, parsed and explained in one manner.
#pragma once

#include <boost/program_options.hpp>

#include <optional>
#include <string>
#include <vector>

#include "common/error.h"
#include "launcher/command.h"

namespace temper {

// No guessing: an abbreviation that works today would break with the next option.
inline constexpr int kOptionStyle = boost::program_options::command_line_style::unix_style &
                                    ~boost::program_options::command_line_style::allow_guessing;

class CommandLine {
 public:
  // `usage` is the first line of the help ("temper pack INPUT... -o OUT.h5"), `about` a few lines
  // of prose under it.
  CommandLine(std::string usage, std::string about);

  // For add_options() chains; -h, --help is there already.
  boost::program_options::options_description_easy_init options();
  // A bare argument fills the option of this name; `count` of them, -1 for all that follow. The
  // option is declared here as a list of texts.
  void positional(const char* name, int count);

  // False when help was asked for and printed. UserError for anything that does not fit.
  bool parse(const Arguments& arguments);

  bool has(const std::string& name) const { return values_.count(name) != 0; }
  // UserError when the option was not given and has no default.
  template <typename T>
  T get(const std::string& name) const {
    require(name);
    return values_[name].as<T>();
  }
  template <typename T>
  std::optional<T> find(const std::string& name) const {
    return has(name) ? std::optional<T>(values_[name].as<T>()) : std::nullopt;
  }
  // The bare arguments, or an option that may be given many times; empty when there are none.
  std::vector<std::string> texts(const std::string& name) const;
  // The one bare argument.
  std::string text(const std::string& name) const;

  // A UserError that says where help is.
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  void require(const std::string& name) const;
  std::string command_name() const;  // "temper pack"

  std::string usage_;
  std::string about_;
  boost::program_options::options_description shown_;
  boost::program_options::options_description hidden_;
  boost::program_options::positional_options_description positional_;
  boost::program_options::variables_map values_;
};

}  // namespace temper
