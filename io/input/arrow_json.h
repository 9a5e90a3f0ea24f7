// Values of Arrow arrays as JSON text. Only where temper is built with Arrow.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace temper {

// Whether values of this type have a JSON form: null, booleans, integers, floating point numbers,
// text, and lists, structs and dictionaries of these.
bool has_json_form(const arrow::DataType& type);

// Appends element `index` of an array whose type has a JSON form. Members of a struct that are null
// or have none are left out. Numbers that JSON cannot hold (NaN, infinity) become null. Text is
// escaped where JSON asks for it and otherwise copied, whether it is UTF-8 or not.
void append_json(const arrow::Array& array, int64_t index, std::string& out);

// The text in quotes.
void append_json_text(std::string_view text, std::string& out);

}  // namespace temper
