#include "text/jinja/runtime/loop.h"

#include <algorithm>

namespace temper {
namespace {

JinjaLoop& loop_of(const JinjaValue& value) {
  return static_cast<JinjaLoop&>(*value.object());
}

JinjaValue cycle(JinjaRuntime&, const JinjaValue& self, JinjaArguments& arguments) {
  if (arguments.positional.empty()) throw JinjaFailure{"loop.cycle() needs something to cycle"};
  return arguments.positional[loop_of(self).index % arguments.positional.size()];
}

JinjaValue changed(JinjaRuntime& runtime, const JinjaValue& self, JinjaArguments& arguments) {
  JinjaLoop& loop = loop_of(self);
  const std::vector<JinjaValue>& now = arguments.positional;
  if (loop.last_changed && loop.last_changed->size() == now.size() &&
      std::equal(now.begin(), now.end(), loop.last_changed->begin(),
                 [&](const auto& a, const auto& b) { return jinja_equal(a, b, runtime.budget); })) {
    return JinjaValue::boolean(false);
  }
  if (!loop.last_changed) runtime.changeable.emplace_back(&loop);
  loop.last_changed = now;
  return JinjaValue::boolean(true);
}

}  // namespace

std::optional<JinjaValue> loop_attribute(const JinjaValue& value, std::string_view name) {
  const JinjaLoop& loop = loop_of(value);
  const auto size = static_cast<int64_t>(loop.items.size());
  const auto index = static_cast<int64_t>(loop.index);
  if (name == "index") return JinjaValue::integer(index + 1);
  if (name == "index0") return JinjaValue::integer(index);
  if (name == "revindex") return JinjaValue::integer(size - index);
  if (name == "revindex0") return JinjaValue::integer(size - index - 1);
  if (name == "first") return JinjaValue::boolean(index == 0);
  if (name == "last") return JinjaValue::boolean(index + 1 == size);
  if (name == "length") return JinjaValue::integer(size);
  if (name == "depth") return JinjaValue::integer(1);
  if (name == "depth0") return JinjaValue::integer(0);
  if (name == "previtem") {
    if (index == 0) return JinjaValue::undefined("there is no previous item");
    return loop.items[loop.index - 1];
  }
  if (name == "nextitem") {
    if (index + 1 == size) return JinjaValue::undefined("there is no next item");
    return loop.items[loop.index + 1];
  }
  return std::nullopt;
}

JinjaFunction find_loop_method(std::string_view name) {
  if (name == "cycle") return cycle;
  if (name == "changed") return changed;
  return nullptr;
}

}  // namespace temper
