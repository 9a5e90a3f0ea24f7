// Jinja, as far as chat templates use it: what Jinja 3.1 does in the immutable sandbox that Hugging
// Face transformers renders chat templates in, generation blocks, break and continue included.
// Written from the language's behaviour, without access to anything but the given variables; what a
// template may spend is bounded (runtime/budget.h).
//
// Templates are refused, with a message that says why, for: include, import, extends, block,
// autoescape, recursive loops, integers beyond 64 bits, and the filters urlize, urlencode, xmlattr,
// striptags, wordwrap, filesizeformat, random and pprint.
#pragma once

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/jinja/runtime/value.h"

namespace temper {

struct JinjaProgram;

struct JinjaRendering {
  std::string text;
  // What stands in {% generation %} blocks, as byte ranges of `text`.
  std::vector<std::pair<size_t, size_t>> generation_spans;
};

class JinjaTemplate {
 public:
  // `place` names the template in errors. UserError with the line for what is no template.
  static JinjaTemplate compile(std::string_view source, std::string place);

  using Variables = std::vector<std::pair<std::string_view, JinjaValue>>;
  // The texts that the variables refer to, `num_bytes` in all, outlive the call. UserError with the
  // line when the template fails. Threads may call it at once.
  JinjaRendering render(const Variables& variables, size_t num_bytes) const;

  bool has_generation() const;
  bool mentions(const std::string& variable) const;
  // What strftime_now() tells from now on, instead of the clock's time.
  void set_now(const std::tm& now) { now_ = now; }
  const std::string& place() const { return place_; }

 private:
  JinjaTemplate() = default;
  std::shared_ptr<const JinjaProgram> program_;
  std::vector<JinjaFunction> globals_;  // for each of the program's names; mostly null
  std::string place_;
  std::optional<std::tm> now_;
};

}  // namespace temper
