#include "text/jinja/template.h"

#include "common/error.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/runtime/builtins.h"
#include "text/jinja/syntax/parser.h"
#include "text/unicode/utf8.h"

namespace temper {

JinjaTemplate JinjaTemplate::compile(std::string_view source, std::string place) {
  if (source.size() > kMaxJinjaSource) {
    throw UserError("{}: the template is {} bytes long, the limit is {}", place, source.size(),
                    kMaxJinjaSource);
  }
  if (!is_valid_utf8(source)) throw UserError("{}: the template is not valid UTF-8", place);
  JinjaTemplate result;
  try {
    result.program_ = std::make_shared<const JinjaProgram>(parse_jinja(source));
  } catch (const JinjaSyntaxError& error) {
    throw UserError("{}, line {}: {}", place, error.line, error.message);
  }
  for (const std::string& name : result.program_->names) {
    result.globals_.push_back(find_jinja_global(name));
  }
  result.place_ = std::move(place);
  return result;
}

JinjaRendering JinjaTemplate::render(const Variables& variables, size_t num_bytes) const {
  std::vector<JinjaValue> values;
  values.reserve(program_->names.size());
  for (size_t i = 0; i < globals_.size(); ++i) {
    values.push_back(globals_[i] ? JinjaValue::function(globals_[i])
                                 : JinjaValue::undefined(program_->names[i]));
  }
  for (const auto& [name, value] : variables) {
    const auto found = program_->name_index.find(std::string(name));
    if (found != program_->name_index.end()) values[static_cast<size_t>(found->second)] = value;
  }
  JinjaInterpreter interpreter(
      *program_, std::move(values),
      JinjaBudget(JinjaBudget::kBase + JinjaBudget::kPerInputByte * num_bytes), now_);
  try {
    interpreter.run();
  } catch (const JinjaFailure& failure) {
    throw UserError("{}, line {}: {}", place_, interpreter.line(), failure.message);
  }
  return {std::move(interpreter.output()), std::move(interpreter.spans())};
}

bool JinjaTemplate::has_generation() const {
  return program_->has_generation;
}

bool JinjaTemplate::mentions(const std::string& variable) const {
  return program_->name_index.count(variable) > 0;
}

}  // namespace temper
