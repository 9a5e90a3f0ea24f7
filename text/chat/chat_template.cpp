#include "text/chat/chat_template.h"

#include <fmt/ranges.h>

#include <array>
#include <ctime>

#include "common/error.h"
#include "text/chat/chat_template_sources.h"
#include "text/jinja/runtime/json.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

JinjaValue text_value(const std::string& text, size_t& num_bytes) {
  num_bytes += text.size();
  if (is_valid_utf8(text)) return JinjaValue::borrowed(text);
  return JinjaValue::text(replace_invalid_utf8(text));
}

JinjaValue message_value(const Message& message, size_t& num_bytes) {
  if (!message.json.is_null()) return jinja_from_json(message.json, num_bytes);
  JinjaRef<JinjaDict> dict(new JinjaDict);
  dict->append(JinjaValue::constant("role"), text_value(message.role, num_bytes));
  dict->append(JinjaValue::constant("content"), text_value(message.content, num_bytes));
  return JinjaValue::dict(dict);
}

// Values of the variables; JinjaFailure becomes a UserError.
template <typename Function>
auto checked(const std::string& place, const Function& function) {
  try {
    return function();
  } catch (const JinjaFailure& failure) {
    throw UserError("{}: {}", place, failure.message);
  }
}

void check_role(const std::string& role, size_t index) {
  if (role == "system" || role == "user" || role == "assistant") return;
  throw UserError("message {} has a role that is not system, user or assistant", index + 1);
}

RenderedChat chat_of(JinjaRendering rendering) {
  return {std::move(rendering.text), std::move(rendering.generation_spans)};
}

}  // namespace

ChatTemplate::ChatTemplate(JinjaTemplate jinja, std::string_view source, std::string name)
    : template_(std::move(jinja)), source_(source), name_(std::move(name)) {}

ChatTemplate ChatTemplate::from_source(std::string_view source, const std::string& name) {
  return {JinjaTemplate::compile(source, fmt::format("chat template {}", name)), source, name};
}

ChatTemplate ChatTemplate::built_in(const std::string& name, std::string_view source) {
  ChatTemplate result = from_source(source, name);
  result.is_built_in_ = true;
  result.prints_special_tokens_ = result.template_.mentions("bos_token");
  return result;
}

ChatTemplate ChatTemplate::named(const std::string& name) {
  for (const ChatTemplateSource& known : built_in_chat_templates()) {
    if (name == known.name) return built_in(name, known.source);
  }
  throw UserError("'{}' is not a chat template; the known ones are {}", name,
                  fmt::join(names(), ", "));
}

std::vector<std::string> ChatTemplate::names() {
  std::vector<std::string> names;
  for (const ChatTemplateSource& known : built_in_chat_templates()) names.emplace_back(known.name);
  return names;
}

void ChatTemplate::set_variables(const OrderedJson& variables) {
  for (const auto& [name, value] : variables.items()) variables_[name] = value;
}

void ChatTemplate::set_date(const std::string& date, const std::string& place) {
  std::tm day{};
  std::array<char, 16> again{};
  if (strptime(date.c_str(), "%Y-%m-%d", &day) != nullptr) {
    const std::time_t midnight = timegm(&day);
    gmtime_r(&midnight, &day);
    std::strftime(again.data(), again.size(), "%Y-%m-%d", &day);
  }
  if (date != again.data()) {
    throw UserError("{}: \"{}\" is no day; expected YEAR-MONTH-DAY, for example 2026-11-30", place,
                    date);
  }
  template_.set_now(day);
  date_ = date;
}

OrderedJson ChatTemplate::parse_variables(const std::string& json, const std::string& place) {
  if (json.empty()) return OrderedJson::object();
  OrderedJson variables = parse_ordered_json(json, place);
  if (!variables.is_object()) throw UserError("{}: expected a JSON object", place);
  return variables;
}

RenderedChat ChatTemplate::render(const std::vector<Message>& messages, bool add_generation_prompt,
                                  const std::string& bos, const std::string& eos,
                                  const OrderedJson& tools) const {
  return render(messages, messages.size(), add_generation_prompt, bos, eos, tools);
}

RenderedChat ChatTemplate::render(const std::vector<Message>& messages, size_t count,
                                  bool add_generation_prompt, const std::string& bos,
                                  const std::string& eos, const OrderedJson& tools) const {
  size_t num_bytes = 0;
  const JinjaTemplate::Variables variables = checked(template_.place(), [&] {
    JinjaTemplate::Variables values = {
        {"tools", JinjaValue::none()},
        {"documents", JinjaValue::none()},
        {"add_generation_prompt", JinjaValue::boolean(add_generation_prompt)}};
    for (const auto& [name, value] : variables_.items()) {
      values.emplace_back(name, jinja_from_json(value, num_bytes));
    }
    if (!tools.is_null()) values.emplace_back("tools", jinja_from_json(tools, num_bytes));
    if (!bos.empty()) values.emplace_back("bos_token", text_value(bos, num_bytes));
    if (!eos.empty()) values.emplace_back("eos_token", text_value(eos, num_bytes));
    std::vector<JinjaValue> items;
    items.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      if (is_built_in_) check_role(messages[i].role, i);
      items.push_back(message_value(messages[i], num_bytes));
    }
    values.emplace_back("messages", JinjaValue::list(std::move(items)));
    return values;
  });
  return chat_of(template_.render(variables, num_bytes));
}

RenderedChat ChatTemplate::render(const OrderedJson& variables) const {
  size_t num_bytes = 0;
  const JinjaTemplate::Variables values = checked(template_.place(), [&] {
    JinjaTemplate::Variables all = {{"tools", JinjaValue::none()},
                                    {"documents", JinjaValue::none()},
                                    {"add_generation_prompt", JinjaValue::boolean(false)}};
    for (const OrderedJson* source : {&variables_, &variables}) {
      for (const auto& [name, value] : source->items()) {
        all.emplace_back(name, jinja_from_json(value, num_bytes));
      }
    }
    return all;
  });
  const auto messages = variables.find("messages");
  if (is_built_in_ && messages != variables.end() && messages->is_array()) {
    for (size_t i = 0; i < messages->size(); ++i) {
      const OrderedJson& message = (*messages)[i];
      const bool has_role = message.is_object() && message.contains("role");
      check_role(has_role && message["role"].is_string() ? message["role"].get<std::string>() : "",
                 i);
    }
  }
  return chat_of(template_.render(values, num_bytes));
}

}  // namespace temper
