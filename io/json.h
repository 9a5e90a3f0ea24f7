// JSON for configuration-sized files and records. The rest of the project sees nlohmann's type
// through this header only.
//
// What nlohmann only asserts is checked in every build, above all that a key is there when the
// const operator[] is asked for it: otherwise it reads memory that is no JSON, and Release would
// not even notice. A failed check is an InternalError, so a document that others wrote is asked
// with find(), value() or JsonFields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace temper {
[[noreturn]] void throw_json_misuse(const char* condition);  // InternalError
}  // namespace temper

#ifdef INCLUDE_NLOHMANN_JSON_HPP_
#error "include io/json.h instead of <nlohmann/json.hpp>: it says what a failed assertion does"
#endif
#define JSON_ASSERT(condition) \
  ((condition) ? static_cast<void>(0) : ::temper::throw_json_misuse(#condition))
#include <nlohmann/json.hpp>

namespace temper {

using Json = nlohmann::json;                 // keys sorted
using OrderedJson = nlohmann::ordered_json;  // keys in the order they were written

// Largest nesting that is accepted.
inline constexpr int kMaxJsonDepth = 256;

// Parses one document. `place` ("config.json", "train.jsonl:17") names it in the UserError thrown
// for a syntax error, invalid UTF-8, a duplicate key or nesting deeper than kMaxJsonDepth. The
// error never quotes the document.
Json parse_json(std::string_view text, const std::string& place);
// The same, keeping the order of keys (a vocabulary, a report).
OrderedJson parse_ordered_json(std::string_view text, const std::string& place);

// Reads and parses a file of at most `max_bytes`. UserError when it is missing or wrong.
Json read_json_file(const std::filesystem::path& path, size_t max_bytes = size_t{1} << 30);

// Typed access to a member of an object, for config.json and its kin: a UserError that names the
// place, the key, the value found and the type wanted.
class JsonFields {
 public:
  JsonFields(const Json& object, std::string place);

  bool has(const std::string& key) const;  // present and not null
  int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool boolean(const std::string& key) const;
  std::string text(const std::string& key) const;
  int64_t integer_or(const std::string& key, int64_t fallback) const;
  double number_or(const std::string& key, double fallback) const;
  bool boolean_or(const std::string& key, bool fallback) const;
  std::string text_or(const std::string& key, const std::string& fallback) const;
  JsonFields object(const std::string& key) const;
  const Json& json() const { return *object_; }
  const std::string& place() const { return place_; }

 private:
  const Json& require(const std::string& key) const;

  const Json* object_;
  std::string place_;
};

}  // namespace temper
