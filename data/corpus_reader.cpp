#include "data/corpus_reader.h"

#include <array>
#include <utility>

#include "common/error.h"
#include "io/json.h"

namespace temper {
namespace {

struct FormatName {
  CorpusFormat format;
  const char* name;
};
constexpr std::array kFormatNames = {
    FormatName{CorpusFormat::kAuto, "auto"},
    FormatName{CorpusFormat::kChat, "chat"},
    FormatName{CorpusFormat::kShareGpt, "sharegpt"},
    FormatName{CorpusFormat::kPromptCompletion, "prompt-completion"},
    FormatName{CorpusFormat::kAlpaca, "alpaca"},
    FormatName{CorpusFormat::kText, "text"},
};

const char* type_name(const Json& value) {
  if (value.is_string()) return "a string";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_boolean()) return "a boolean";
  return value.is_null() ? "null" : "a number";
}

// Members of a record or of a message in it. Unlike JsonFields it never shows a value.
class RecordFields {
 public:
  RecordFields(const Json& object, std::string place) : object_(object), place_(std::move(place)) {
    if (!object.is_object()) {
      throw UserError("{}: expected a JSON object, found {}", place_, type_name(object));
    }
  }

  bool has(const char* key) const {
    const auto found = object_.find(key);
    return found != object_.end() && !found->is_null();
  }
  const Json& at(const char* key) const {
    const auto found = object_.find(key);
    if (found == object_.end()) throw UserError("{}: the key \"{}\" is missing", place_, key);
    return *found;
  }
  std::string text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) {
      throw UserError("{}: \"{}\" is {}, expected a string", place_, key, type_name(value));
    }
    return value.get<std::string>();
  }
  std::string text_or_empty(const char* key) const { return has(key) ? text(key) : std::string(); }
  const Json& list(const char* key) const {
    const Json& value = at(key);
    if (!value.is_array() || value.empty()) {
      throw UserError("{}: \"{}\" is {}, expected a list with at least one message", place_, key,
                      value.is_array() ? "an empty list" : type_name(value));
    }
    return value;
  }

 private:
  const Json& object_;
  std::string place_;
};

std::string role_of_share_gpt(const std::string& from, const std::string& place) {
  if (from == "human" || from == "user") return "user";
  if (from == "gpt" || from == "assistant" || from == "model") return "assistant";
  if (from == "system") return "system";
  throw UserError(
      "{}: \"from\" must be human, user, gpt, assistant, model or system, found another {} bytes",
      place, from.size());
}

std::vector<Message> messages_of_list(const RecordFields& record, CorpusFormat format,
                                      const std::string& place) {
  const bool is_chat = format == CorpusFormat::kChat;
  const char* key = is_chat ? "messages" : "conversations";
  std::vector<Message> messages;
  for (const Json& item : record.list(key)) {
    const std::string item_place = fmt::format("{}: {}[{}]", place, key, messages.size());
    const RecordFields fields(item, item_place);
    if (!is_chat) {
      messages.push_back(
          {role_of_share_gpt(fields.text("from"), item_place), fields.text("value")});
      continue;
    }
    if (fields.has("tool_calls")) {
      throw UserError("{}: \"tool_calls\" are not supported; remove such records", item_place);
    }
    messages.push_back({fields.text("role"), fields.text("content")});
  }
  return messages;
}

std::vector<Message> messages_of_alpaca(const RecordFields& record) {
  std::vector<Message> messages;
  const std::string system = record.text_or_empty("system");
  if (!system.empty()) messages.push_back({"system", system});
  std::string question = record.text("instruction");
  const std::string input = record.text_or_empty("input");
  if (!input.empty()) question += "\n\n" + input;
  messages.push_back({"user", std::move(question)});
  messages.push_back({"assistant", record.text("output")});
  return messages;
}

CorpusFormat detect_format(std::string_view json, const std::string& place) {
  const Json object = parse_json(json, place);
  const RecordFields record(object, place);
  if (record.has("messages")) return CorpusFormat::kChat;
  if (record.has("conversations")) return CorpusFormat::kShareGpt;
  if (record.has("prompt") && record.has("completion")) return CorpusFormat::kPromptCompletion;
  if (record.has("instruction") && record.has("output")) return CorpusFormat::kAlpaca;
  if (record.has("text")) return CorpusFormat::kText;
  throw UserError(
      "{}: no known record; expected the keys messages, or conversations, or prompt and "
      "completion, "
      "or instruction and output, or text",
      place);
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r\n\f\v") == std::string::npos;
}

void refuse_json_array(const std::string& line, const std::string& place) {
  if (line[line.find_first_not_of(" \t")] == '[') {
    throw UserError("{}: a JSON array; write one object per line (jq -c '.[]' does it)", place);
  }
}

}  // namespace

CorpusFormat corpus_format_named(const std::string& name) {
  for (const FormatName& known : kFormatNames) {
    if (name == known.name) return known.format;
  }
  std::string names;
  for (const std::string& known : corpus_format_names()) {
    names += (names.empty() ? "" : ", ") + known;
  }
  throw UserError("--format {}: there is no such format; known are {}", name, names);
}

std::string corpus_format_name(CorpusFormat format) {
  for (const FormatName& known : kFormatNames) {
    if (format == known.format) return known.name;
  }
  TEMPER_CHECK(false, "format {}", static_cast<int>(format));
}

std::vector<std::string> corpus_format_names() {
  std::vector<std::string> names;
  for (const FormatName& known : kFormatNames) names.emplace_back(known.name);
  return names;
}

std::string corpus_place(const std::string& source, int64_t line_number) {
  return fmt::format("{}:{}", source, line_number);
}

Record parse_record(std::string_view json, CorpusFormat format, const std::string& place) {
  const Json object = parse_json(json, place);
  const RecordFields fields(object, place);
  Record record;
  switch (format) {
    case CorpusFormat::kChat:
    case CorpusFormat::kShareGpt:
      record.messages = messages_of_list(fields, format, place);
      break;
    case CorpusFormat::kPromptCompletion:
      record.messages = {{"user", fields.text("prompt")}, {"assistant", fields.text("completion")}};
      break;
    case CorpusFormat::kAlpaca:
      record.messages = messages_of_alpaca(fields);
      break;
    case CorpusFormat::kText:
      record.text = fields.text("text");
      record.is_text = true;
      break;
    case CorpusFormat::kAuto:
      TEMPER_CHECK(false, "the format of {} is not resolved", place);
  }
  return record;
}

CorpusReader::CorpusReader(std::vector<std::filesystem::path> inputs, CorpusFormat format)
    : inputs_(std::move(inputs)), format_(format) {
  if (inputs_.empty()) throw UserError("no input file is given");
  for (const auto& input : inputs_) {
    sources_.push_back(input == "-" ? "standard input" : input.native());
    if (std::filesystem::is_directory(input)) {
      throw UserError("{}: is a directory; name the files in it", input.native());
    }
  }
  formats_.assign(inputs_.size(), format);
}

bool CorpusReader::open_next_file() {
  if (static_cast<size_t>(source_ + 1) == inputs_.size()) return false;
  ++source_;
  lines_ = std::make_unique<LineReader>(inputs_[static_cast<size_t>(source_)]);
  return true;
}

bool CorpusReader::next(CorpusLine& line) {
  for (;;) {
    while (!lines_ || !lines_->next(line.json)) {
      if (!open_next_file()) return false;
    }
    if (!is_blank(line.json)) break;
  }
  line.source = source_;
  line.line_number = lines_->line_number();
  CorpusFormat& format = formats_[static_cast<size_t>(source_)];
  const auto place = [&] {
    return corpus_place(sources_[static_cast<size_t>(source_)], line.line_number);
  };
  if (line.line_number == 1) refuse_json_array(line.json, place());
  if (format == CorpusFormat::kAuto) format = detect_format(line.json, place());
  line.format = format;
  return true;
}

}  // namespace temper
