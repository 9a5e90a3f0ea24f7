// Methods of str that take a text apart and put one together.
#pragma once

#include "text/jinja/runtime/value.h"

namespace temper {

JinjaValue method_split(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);
JinjaValue method_rsplit(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);
JinjaValue method_splitlines(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);
JinjaValue method_partition(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);
JinjaValue method_rpartition(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);
JinjaValue method_join(JinjaRuntime&, const JinjaValue& self, JinjaArguments&);

}  // namespace temper
