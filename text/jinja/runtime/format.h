// Python's three ways to put values into a text.
#pragma once

#include <string_view>

#include "text/jinja/runtime/value.h"

namespace temper {

// "%s: %d" % arguments. A tuple has several arguments, a dict named ones, anything else is one.
JinjaValue percent_format(const JinjaValue& format, const JinjaValue& arguments,
                          JinjaBudget& budget);
// "{} {name}".format(...)
JinjaValue brace_format(JinjaRuntime& runtime, const JinjaValue& format, JinjaArguments& arguments);

}  // namespace temper
