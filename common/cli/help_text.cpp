#include "common/cli/help_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sstream>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kWidth = 98;
constexpr size_t kOptionColumn = 30;

std::string option_lines(const OptionSpec& option) {
  std::string heading =
      "  " + std::string(option.letter == '\0' ? 4 : 0, ' ') + option_heading(option);
  // A long heading has a line of its own.
  if (heading.size() + 2 > kOptionColumn) {
    heading += "\n" + std::string(kOptionColumn, ' ');
  } else {
    heading.resize(kOptionColumn, ' ');
  }
  return heading + wrapped(option_sentences(option), kWidth - kOptionColumn, kOptionColumn) + "\n";
}

std::string help_of(const CommandSpec& command, const std::string& usage, bool is_rank) {
  std::string text =
      fmt::format("Usage: {}\n\n{}\n\nOptions:\n", usage, wrapped(command.about, kWidth));
  for (const OptionSpec& option : command.options) {
    if (!is_rank || option.reader == OptionReader::kTemperRank) text += option_lines(option);
  }
  return text + option_lines(help_option());
}

// Adds the words of a paragraph, line after line.
class Paragraph {
 public:
  Paragraph(size_t width, size_t indent) : width_(width), indent_(indent) {}

  void add(const std::string& word) {
    if (column_ != 0 && column_ + 1 + word.size() > width_) end_line();
    if (column_ != 0) {
      text_ += ' ';
      ++column_;
    }
    text_ += word;
    column_ += word.size();
  }
  void add_line(const std::string& line) {
    if (column_ != 0) end_line();
    text_ += line;
    column_ = width_;
  }
  void end_line() {
    text_ += "\n" + std::string(indent_, ' ');
    column_ = 0;
  }
  bool is_line_open() const { return column_ != 0; }
  std::string take() { return std::move(text_); }

 private:
  size_t width_, indent_, column_ = 0;
  std::string text_;
};

}  // namespace

std::string general_help(const std::vector<CommandSpec>& commands) {
  std::string text =
      "temper fine-tunes language models on your own machines.\n\n"
      "Usage: temper COMMAND [arguments]\n";
  for (const CommandGroup group : all_groups()) {
    text += fmt::format("\n{}:\n", group_title(group));
    for (const CommandSpec& command : commands) {
      if (command.group == group) {
        text += fmt::format("  {:<14} {}\n", command.name, command.summary);
      }
    }
  }
  text +=
      "\n`temper help COMMAND` explains each. A first run: temper init; temper pack; temper train "
      "run.yaml\nExit codes: ";
  return text + wrapped(fmt::format("{}.", fmt::join(exit_code_sentences(), "; ")), kWidth - 12) +
         "\n";
}

std::string help_text(const CommandSpec& command) {
  return help_of(command, command.usage, false);
}

std::string rank_help_text(const CommandSpec& command) {
  std::string usage = "temper-rank " + command.name;
  for (const ArgumentSpec& argument : command.arguments) {
    usage += argument.least > 0 ? " " + argument.name : " [" + argument.name + "]";
  }
  return help_of(command, usage + " [options]", true);
}

std::string option_heading(const OptionSpec& option) {
  std::string heading = option.letter == '\0' ? "" : fmt::format("-{}, ", option.letter);
  heading += "--" + option.name;
  if (option.takes_value()) heading += " " + option.value;
  return heading;
}

std::string option_sentences(const OptionSpec& option) {
  std::string text = option.text;
  if (option.is_list()) text += " May be given several times.";
  if (!option.choices.empty()) {
    text += fmt::format(" {} is one of {}.", option.value, fmt::join(option.choices, ", "));
  }
  if (!option.fallback.empty()) text += fmt::format(" Default: {}.", option.fallback);
  return text;
}

OptionSpec help_option() {
  return flag("help,h", "Prints this text.");
}

std::vector<std::string> exit_code_sentences() {
  return {fmt::format("{} done", kExitDone), fmt::format("{} failed", kExitFailed),
          fmt::format("{} the input is wrong", kExitUserError),
          fmt::format("{} stopped with a checkpoint: run the same command again", kExitStopped),
          fmt::format("{} a rank made no progress and the job was ended (stall_timeout)",
                      kExitStalled)};
}

std::string wrapped(std::string_view text, size_t width, size_t indent) {
  Paragraph paragraph(width, indent);
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) {
      if (paragraph.is_line_open()) paragraph.end_line();
      paragraph.end_line();
    } else if (line.front() == ' ') {
      paragraph.add_line(line);
    } else {
      std::istringstream words(line);
      for (std::string word; words >> word;) paragraph.add(word);
    }
  }
  return paragraph.take();
}

}  // namespace temper
