#include "common/cli/command_line.h"

#include <boost/program_options.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>

#include "common/error.h"
#include "common/spelling.h"

namespace temper {
namespace {

namespace po = boost::program_options;

constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

template <typename T>
std::optional<T> number_from(const std::string& text) {
  T value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool is_integer(const std::string& text) {
  return number_from<int64_t>(text) || number_from<uint64_t>(text);
}

std::string quoted_list(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

// What Boost calls an option that it does not know, without the dashes.
std::string bare_name(std::string option) {
  option.erase(0, option.find_first_not_of('-'));
  return option.substr(0, option.find('='));
}

bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word.front() == '-';
}

po::options_description described(const CommandSpec& command, bool is_rank) {
  po::options_description known;
  known.add_options()("help,h", "");
  for (const OptionSpec& option : command.options) {
    if (is_rank && option.reader == OptionReader::kTemper) continue;
    const std::string names =
        option.letter == '\0' ? option.name : fmt::format("{},{}", option.name, option.letter);
    if (option.takes_value()) {
      known.add_options()(names.c_str(), po::value<std::vector<std::string>>(), "");
    } else {
      known.add_options()(names.c_str(), "");
    }
  }
  return known;
}

}  // namespace

CommandLine::CommandLine(const CommandSpec& command, Program program)
    : command_(command), program_(program) {
  for (const OptionSpec& option : command.options) {
    if (!option.fallback.empty()) defaults_[option.name] = {option.fallback};
  }
}

bool CommandLine::parse(const Arguments& arguments) {
  const po::options_description known = described(command_, program_ == Program::kTemperRank);
  std::vector<po::option> parsed;
  try {
    parsed = po::command_line_parser(arguments).options(known).style(kStyle).run().options;
  } catch (const po::unknown_option& error) {
    refuse_unknown(error.get_option_name());
  } catch (const po::error& error) {
    refuse(error.what());
  }
  for_rank_ = {command_.name};
  std::vector<std::string> bare;
  for (const po::option& option : parsed) {
    if (option.string_key == "help") return false;
    if (option.position_key >= 0) {
      bare.insert(bare.end(), option.value.begin(), option.value.end());
      continue;
    }
    take_option(option.string_key, option.value);
    if (command_.find_option(option.string_key)->reader == OptionReader::kTemper) continue;
    for_rank_.insert(for_rank_.end(), option.original_tokens.begin(), option.original_tokens.end());
  }
  take_arguments(bare);
  // A bare word that looks like an option is one only before "--".
  if (std::any_of(bare.begin(), bare.end(), looks_like_option)) for_rank_.push_back("--");
  for_rank_.insert(for_rank_.end(), bare.begin(), bare.end());
  return true;
}

void CommandLine::take_option(const std::string& name, const std::vector<std::string>& values) {
  const OptionSpec& option = *command_.find_option(name);
  std::vector<std::string>& all = given_[name];
  if (!option.takes_value()) {
    all = {""};
    return;
  }
  if (!all.empty() && !option.is_list()) refuse(fmt::format("--{} is given twice", name));
  for (const std::string& value : values) {
    check_value(option, value);
    all.push_back(value);
  }
}

void CommandLine::check_value(const OptionSpec& option, const std::string& value) const {
  const auto fits = [&] {
    switch (option.kind) {
      case OptionKind::kInteger:
      case OptionKind::kIntegers:
        return is_integer(value);
      case OptionKind::kNumber:
        return number_from<double>(value).has_value();
      default:
        return true;
    }
  };
  if (!fits()) {
    refuse(fmt::format("--{} {}: expected {}", option.name, value,
                       option.kind == OptionKind::kNumber ? "a number" : "a whole number"));
  }
  const auto& choices = option.choices;
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    refuse(fmt::format("--{} {}: expected {}{}", option.name, value, quoted_list(choices),
                       suggestion(value, choices)));
  }
}

void CommandLine::take_arguments(const std::vector<std::string>& bare) {
  size_t next = 0;
  for (const ArgumentSpec& argument : command_.arguments) {
    std::vector<std::string> taken;
    while (next < bare.size() &&
           (argument.most == kAnyNumber || taken.size() < static_cast<size_t>(argument.most))) {
      taken.push_back(bare[next++]);
    }
    if (taken.size() < static_cast<size_t>(argument.least)) {
      refuse(fmt::format("{} is missing", argument.name));
    }
    if (!taken.empty()) given_[argument.name] = std::move(taken);
  }
  if (next < bare.size()) refuse(fmt::format("\"{}\" is one argument too many", bare[next]));
}

const std::vector<std::string>& CommandLine::texts(std::string_view name) const {
  static const std::vector<std::string> kNone;
  for (const Values* values : {&given_, &defaults_}) {
    const auto found = values->find(name);
    if (found != values->end()) return found->second;
  }
  return kNone;
}

std::vector<int64_t> CommandLine::integers(std::string_view name) const {
  std::vector<int64_t> all;
  for (const std::string& text : texts(name)) {
    const auto value = number_from<int64_t>(text);
    if (!value) refuse(fmt::format("--{} {} is too large", name, text));
    all.push_back(*value);
  }
  return all;
}

template <typename T>
T CommandLine::get(std::string_view name) const {
  const std::vector<std::string>& all = texts(name);
  const bool is_option = command_.find_option(name) != nullptr;
  if (all.empty()) refuse(fmt::format("{}{} is missing", is_option ? "--" : "", name));
  if constexpr (std::is_same_v<T, std::string>) {
    return all.front();
  } else {
    const std::optional<T> value = number_from<T>(all.front());
    if (!value) {
      refuse(fmt::format("--{} {}: expected {} to {}", name, all.front(),
                         std::numeric_limits<T>::lowest(), std::numeric_limits<T>::max()));
    }
    return *value;
  }
}

template std::string CommandLine::get<std::string>(std::string_view) const;
template int CommandLine::get<int>(std::string_view) const;
template int64_t CommandLine::get<int64_t>(std::string_view) const;
template uint64_t CommandLine::get<uint64_t>(std::string_view) const;
template double CommandLine::get<double>(std::string_view) const;

Arguments CommandLine::rank_arguments() const {
  return for_rank_;
}

void CommandLine::refuse(const std::string& message) const {
  const char* const program = program_ == Program::kTemper ? "temper" : "temper-rank";
  throw UserError("{} {}: {} (see {} {} --help)", program, command_.name, message, program,
                  command_.name);
}

void CommandLine::refuse_unknown(const std::string& option) const {
  std::vector<std::string> names = {"help"};
  for (const OptionSpec& known : command_.options) {
    const bool is_readable =
        program_ == Program::kTemper || known.reader == OptionReader::kTemperRank;
    if (is_readable) names.push_back(known.name);
  }
  refuse(fmt::format("unknown option {}{}", option, suggestion(bare_name(option), names)));
}

}  // namespace temper
