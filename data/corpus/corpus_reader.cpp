#include "data/corpus/corpus_reader.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/error.h"
#include "data/corpus/corpus_files.h"
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

template <typename AnyJson>
const char* type_name(const AnyJson& value) {
  if (value.is_string()) return "a string";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  if (value.is_boolean()) return "a boolean";
  return value.is_null() ? "null" : "a number";
}

// Members of a record or of a message in it. Unlike JsonFields it never shows a value.
class RecordFields {
 public:
  RecordFields(const Json& object, std::string place, const ColumnNames* names = nullptr)
      : object_(object), place_(std::move(place)), names_(names) {
    if (!object.is_object()) {
      throw UserError("{}: expected a JSON object, found {}", place_, type_name(object));
    }
  }

  bool has(const char* key) const {
    const auto found = object_.find(name_of(key));
    return found != object_.end() && !found->is_null();
  }
  const Json& at(const char* key) const {
    const auto found = object_.find(name_of(key));
    if (found == object_.end()) {
      throw UserError("{}: the key \"{}\" is missing", place_, name_of(key));
    }
    return *found;
  }
  std::string text(const char* key) const {
    const Json& value = at(key);
    if (!value.is_string()) {
      throw UserError("{}: \"{}\" is {}, expected a string", place_, name_of(key),
                      type_name(value));
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

  // A text, number or boolean as text.
  std::string scalar(const std::string& key, const char* option) const {
    const auto found = object_.find(key);
    if (found == object_.end() || found->is_structured() || found->is_null()) {
      throw UserError("{}: \"{}\", which {} names, is {}", place_, key, option,
                      found == object_.end() ? "missing" : type_name(*found));
    }
    return found->is_string() ? found->get<std::string>() : found->dump();
  }

  // What the record calls this key.
  std::string name_of(const char* key) const {
    if (!names_) return key;
    const auto renamed = names_->columns.find(key);
    return renamed == names_->columns.end() ? key : renamed->second;
  }

 private:
  const Json& object_;
  std::string place_;
  const ColumnNames* names_;
};

std::string role_of_share_gpt(const std::string& from, const std::string& place) {
  if (from == "human" || from == "user") return "user";
  if (from == "gpt" || from == "assistant" || from == "model") return "assistant";
  if (from == "system") return "system";
  throw UserError(
      "{}: \"from\" must be human, user, gpt, assistant, model or system, found another {} bytes",
      place, from.size());
}

// The text of a message: its content, the texts of the content's parts, or nothing beside tool
// calls.
std::string content_of(const RecordFields& message, const Json& item) {
  if (message.has("content") && message.at("content").is_array()) {
    std::string text;
    for (const Json& part : message.at("content")) {
      if (part.is_object() && part.contains("text") && part["text"].is_string()) {
        text += part["text"].get<std::string>();
      }
    }
    return text;
  }
  const bool calls_tools = item.contains("tool_calls") && item["tool_calls"].is_array();
  return calls_tools ? message.text_or_empty("content") : message.text("content");
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
    messages.push_back({fields.text("role"), content_of(fields, item)});
  }
  return messages;
}

// A message as Hugging Face's apply_chat_template shows it to a template: without the keys that are
// null, and what the model thought under each name that templates read it by.
OrderedJson as_template_reads(const OrderedJson& message) {
  OrderedJson present = OrderedJson::object();
  for (const auto& [key, value] : message.items()) {
    if (!value.is_null()) present[key] = value;
  }
  for (const char* name : {"reasoning_content", "thinking", "reasoning"}) {
    if (!present.contains(name)) continue;
    const OrderedJson reasoning = present[name];
    OrderedJson aliased = OrderedJson::object();
    if (!present.contains("thinking")) aliased["thinking"] = reasoning;
    for (const auto& [key, value] : present.items()) aliased[key] = value;
    aliased["reasoning_content"] = reasoning;
    return aliased;
  }
  return present;
}

// Templates see the keys of a message in the order of the record, which Json does not keep.
void keep_whole_messages(std::vector<Message>& messages, const OrderedJson& list) {
  for (size_t i = 0; i < messages.size(); ++i) {
    const OrderedJson& message = list.at(i);
    const auto content = message.find("content");
    const bool plain = message.size() == 2 && content != message.end() && content->is_string();
    if (!plain) messages[i].json = as_template_reads(message);
  }
}

// A list, a list as JSON text (columns of a table often hold it so), or null for none.
OrderedJson tools_of(const OrderedJson& value, const std::string& place) {
  const std::string tools_place = place + ": tools";
  OrderedJson tools = value;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    if (text.find_first_not_of(" \t\r\n") == text.npos) return nullptr;
    tools = parse_ordered_json(text, tools_place);
  }
  if (tools.is_null()) return nullptr;
  if (!tools.is_array()) {
    throw UserError("{}: expected a list of tools, found {}", tools_place, type_name(tools));
  }
  for (size_t i = 0; i < tools.size(); ++i) {
    if (tools[i].is_object()) continue;
    throw UserError("{}[{}]: expected a JSON object, found {}", tools_place, i,
                    type_name(tools[i]));
  }
  return tools;
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

CorpusFormat detect_format(const RecordFields& record, const std::string& place) {
  if (record.has("messages")) return CorpusFormat::kChat;
  if (record.has("conversations")) return CorpusFormat::kShareGpt;
  if (record.has("prompt") && record.has("completion")) return CorpusFormat::kPromptCompletion;
  if (record.has("instruction") && record.has("output")) return CorpusFormat::kAlpaca;
  if (record.has("text")) return CorpusFormat::kText;
  throw UserError(
      "{}: no known record; expected the keys messages, or conversations, or prompt and "
      "completion, or instruction and output, or text; --column prompt=NAME gives a key another "
      "name",
      place);
}

Record record_of(const RecordFields& fields, CorpusFormat format, const std::string& place) {
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

constexpr std::array<const char*, 10> kColumnKeys = {
    "messages",    "conversations", "tools",  "prompt", "completion",
    "instruction", "input",         "output", "system", "text"};

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

void ColumnNames::add(const std::string& text) {
  const size_t sign = text.find('=');
  const std::string key = text.substr(0, sign);
  const bool known = std::find(kColumnKeys.begin(), kColumnKeys.end(), key) != kColumnKeys.end();
  if (sign == text.npos || sign + 1 == text.size() || !known) {
    throw UserError("--column {}: expected KEY=NAME, where KEY is one of {}", text,
                    fmt::join(kColumnKeys, ", "));
  }
  columns[key] = text.substr(sign + 1);
}

Record parse_record(std::string_view json, CorpusFormat format, const std::string& place,
                    const ColumnNames& names) {
  const Json object = parse_json(json, place);
  const RecordFields fields(object, place, &names);
  if (format == CorpusFormat::kAuto) format = detect_format(fields, place);
  Record record = record_of(fields, format, place);
  const bool is_chat = format == CorpusFormat::kChat;
  const bool has_tools = (is_chat || format == CorpusFormat::kShareGpt) && fields.has("tools");
  if (is_chat || has_tools) {
    const OrderedJson ordered = parse_ordered_json(json, place);
    if (is_chat) keep_whole_messages(record.messages, ordered.at(fields.name_of("messages")));
    if (has_tools) record.tools = tools_of(ordered.at(fields.name_of("tools")), place);
  }
  if (!names.group_by.empty()) record.group = fields.scalar(names.group_by, "--group-by");
  if (!names.topic.empty()) record.topic = fields.scalar(names.topic, "--topic");
  return record;
}

Record parse_line(const CorpusLine& line, const std::string& place, const ColumnNames& names) {
  if (!line.problem.empty()) throw UserError("{}: {}", place, line.problem);
  return parse_record(line.json, line.format, place, names);
}

CorpusReader::CorpusReader(const std::vector<std::filesystem::path>& inputs, CorpusFormat format,
                           ColumnNames names)
    : inputs_(find_corpus_files(inputs)), names_(std::move(names)) {
  if (inputs_.empty()) throw UserError("no input file is given");
  for (const auto& input : inputs_) {
    sources_.push_back(input == "-" ? "standard input" : input.native());
  }
  formats_.assign(inputs_.size(), format);
  containers_.assign(inputs_.size(), CorpusContainer::kJsonLines);
}

bool CorpusReader::open_next_file() {
  if (static_cast<size_t>(source_) + 1 == inputs_.size()) return false;
  const auto index = static_cast<size_t>(++source_);
  OpenedSource opened = open_record_source(inputs_[index], sources_[index]);
  containers_[index] = opened.container;
  records_ = std::move(opened.records);
  return true;
}

bool CorpusReader::next(CorpusLine& line) {
  SourceRecord record;
  while (!records_ || !records_->next(record)) {
    if (!open_next_file()) return false;
  }
  hasher_.update(record.json.data(), record.json.size() + 1);  // with its terminating zero
  line.ordinal = ordinal_++;
  line.source = source_;
  line.line_number = record.number;
  line.json = std::move(record.json);
  line.problem = std::move(record.problem);
  CorpusFormat& format = formats_[static_cast<size_t>(source_)];
  if (format == CorpusFormat::kAuto && line.problem.empty()) {
    try {
      const std::string where = place(line);
      const Json object = parse_json(line.json, where);
      format = detect_format(RecordFields(object, where, &names_), where);
    } catch (const UserError&) {
      // Whoever parses the line finds the same.
    }
  }
  line.format = format;
  return true;
}

}  // namespace temper
