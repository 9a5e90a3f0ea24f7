#include "common/cli/man_page.h"

#include <fmt/format.h>

#include <sstream>

#include "common/cli/help_text.h"

namespace temper {
namespace {

// A backslash, a dash that is to be copied as typed, and a dot or quote that begins a line would be
// read as roff.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char letter : text) {
    if (letter == '\\') {
      out += "\\e";
    } else if (letter == '-') {
      out += "\\-";
    } else {
      out += letter;
    }
  }
  if (!out.empty() && (out.front() == '.' || out.front() == '\'')) out.insert(0, "\\&");
  return out;
}

std::string title(const std::string& name, const std::string& version) {
  return fmt::format(".TH {} 1 \"\" \"temper {}\" \"temper\"\n", name, version);
}

std::string section(std::string_view name) {
  return fmt::format(".SH {}\n", name);
}

// Paragraphs as wrapped() takes them; lines that begin with a space keep their columns.
std::string paragraphs(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  bool is_kept = false;
  for (std::string line; std::getline(lines, line);) {
    const bool keeps = !line.empty() && line.front() == ' ';
    if (keeps != is_kept) out += keeps ? ".nf\n" : ".fi\n";
    is_kept = keeps;
    out += line.empty() ? ".PP\n" : escaped(line) + "\n";
  }
  return is_kept ? out + ".fi\n" : out;
}

std::string option_entry(const OptionSpec& option) {
  return fmt::format(".TP\n.B {}\n{}\n", escaped(option_heading(option)),
                     escaped(option_sentences(option)));
}

std::string exit_codes() {
  std::string out = section("EXIT STATUS");
  for (const std::string& sentence : exit_code_sentences()) {
    const size_t space = sentence.find(' ');
    out += fmt::format(".TP\n.B {}\n{}\n", sentence.substr(0, space),
                       escaped(sentence.substr(space + 1)));
  }
  return out;
}

}  // namespace

std::string man_page(const std::vector<CommandSpec>& commands, const std::string& version) {
  std::string page = title("TEMPER", version) + section("NAME") +
                     "temper \\- fine\\-tune language models on your own machines\n" +
                     section("SYNOPSIS") + ".B temper\n.I COMMAND\n[arguments]\n" +
                     section("COMMANDS");
  for (const CommandSpec& command : commands) {
    page += fmt::format(".TP\n.BR temper\\-{} (1)\n{}\n", escaped(command.name),
                        escaped(command.summary));
  }
  return page + exit_codes();
}

std::string man_page(const CommandSpec& command, const std::string& version) {
  const std::string name = "temper-" + command.name;
  std::string page = title("\"" + name + "\"", version) + section("NAME") +
                     fmt::format("{} \\- {}\n", escaped(name), escaped(command.summary)) +
                     section("SYNOPSIS") + escaped(command.usage) + "\n" + section("DESCRIPTION") +
                     paragraphs(command.about) + section("OPTIONS");
  for (const OptionSpec& option : command.options) page += option_entry(option);
  return page + option_entry(help_option()) + exit_codes() + section("SEE ALSO") +
         ".BR temper (1)\n";
}

}  // namespace temper
