// Lists inside tokenizer.json.
#pragma once

#include <string>
#include <vector>

#include "common/error.h"
#include "io/json.h"

namespace temper {

// The member `key` of `fields` as a list; a UserError when it is not one.
inline const Json& json_list(const JsonFields& fields, const std::string& key) {
  const auto found = fields.json().find(key);
  if (found == fields.json().end() || !found->is_array()) {
    throw UserError("{}: '{}' must be a list", fields.place(), key);
  }
  return *found;
}

// The same when each element must be an object.
inline std::vector<JsonFields> json_objects(const JsonFields& fields, const std::string& key) {
  std::vector<JsonFields> result;
  const Json& list = json_list(fields, key);
  for (size_t i = 0; i < list.size(); ++i) {
    result.emplace_back(list[i], fmt::format("{}.{}[{}]", fields.place(), key, i));
  }
  return result;
}

}  // namespace temper
