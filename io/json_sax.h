// The base of this project's JSON event handlers: limits the depth and turns the parser's errors
// into UserErrors that never quote the document.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "io/json.h"

namespace temper {

class JsonHandler : public nlohmann::json_sax<Json> {
 public:
  explicit JsonHandler(const std::string& place) : place_(place) {}

  // Parses `text`, calling the event functions. UserError when it is not one JSON document.
  void parse(std::string_view text);

  bool binary(binary_t&) final { return false; }  // JSON has none
  bool parse_error(size_t position, const std::string& last_token,
                   const nlohmann::detail::exception& error) final;

 protected:
  // Called at the start and at the end of every object and array.
  void enter();
  void leave() { --depth_; }
  int depth() const { return depth_; }
  const std::string& place() const { return place_; }

  [[noreturn]] void throw_duplicate_key(const std::string& key) const;

 private:
  std::string place_;
  std::string_view text_;
  int depth_ = 0;
};

}  // namespace temper
