// What a command is, as data: its arguments, its options, and what is said of them. The parser, the
// help, the completions, the man pages and docs/reference/commands.md are all made of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace temper {

enum class OptionKind {
  kFlag,      // takes no value
  kText,      // one text
  kTexts,     // may be given several times
  kInteger,   // a whole number
  kIntegers,  // may be given several times
  kNumber,    // a decimal number
};

// Which program acts on an option. `temper` knows all of a command's options; it keeps the first
// sort to itself and hands the second sort on to temper-rank.
enum class OptionReader { kTemper, kTemperRank };

struct OptionSpec {
  std::string name;    // "nproc"
  char letter = '\0';  // 'n' for -n
  OptionKind kind = OptionKind::kFlag;
  std::string value = {};                 // what stands for the value in the help: "N"
  std::string text = {};                  // one or two sentences
  std::string fallback = {};              // the default, as it would be written; empty: none
  std::vector<std::string> choices = {};  // all that the value may be; empty: anything
  OptionReader reader = OptionReader::kTemperRank;

  bool takes_value() const { return kind != OptionKind::kFlag; }
  bool is_list() const { return kind == OptionKind::kTexts || kind == OptionKind::kIntegers; }

  OptionSpec or_else(std::string default_value) const;
  OptionSpec one_of(std::vector<std::string> values) const;
  // temper-rank neither knows nor sees it.
  OptionSpec for_temper_alone() const;
};

// `names` is "nproc" or "nproc,n".
OptionSpec flag(std::string_view names, std::string text);
OptionSpec text_option(std::string_view names, std::string value, std::string text);
OptionSpec texts_option(std::string_view names, std::string value, std::string text);
OptionSpec integer_option(std::string_view names, std::string value, std::string text);
OptionSpec integers_option(std::string_view names, std::string value, std::string text);
OptionSpec number_option(std::string_view names, std::string value, std::string text);

inline constexpr int kAnyNumber = -1;

// A bare word of the command line.
struct ArgumentSpec {
  std::string name;  // "RUN.yaml"
  int least = 1;
  int most = 1;  // kAnyNumber: all that follow
};

enum class CommandGroup { kEveryDay, kData, kBefore, kTraining, kAfter, kTools };
// In the order in which they are listed.
const std::vector<CommandGroup>& all_groups();
// "Every day", as a heading.
std::string_view group_title(CommandGroup group);

struct CommandSpec {
  std::string name;
  CommandGroup group = CommandGroup::kTools;
  std::string summary;  // half a line, beginning with a verb
  std::string usage;    // "temper pack INPUT... -o OUT.h5"
  // Paragraphs with an empty line between them; a line that begins with a space is kept as it is.
  std::string about;
  std::vector<ArgumentSpec> arguments;
  std::vector<OptionSpec> options = {};  // but -h, --help, which every command has
  bool runs_in_temper_rank = false;      // temper-rank has a command of this name, too

  // nullptr for an unknown name.
  const OptionSpec* find_option(std::string_view option) const;
};

}  // namespace temper
