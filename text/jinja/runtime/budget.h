// What a template may spend. Templates come with models from anywhere: an endless loop, a string
// doubled fifty times or a recursion must end in an error, soon.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace temper {

// A fault of a template or of what it was given; text/jinja/template.h adds the place and makes it
// a UserError. The message holds words of the template at most, never of a record.
struct JinjaFailure {
  std::string message;
};

inline constexpr size_t kMaxJinjaSource = size_t{4} << 20;  // bytes of a template
inline constexpr int kMaxJinjaHeight = 200;                 // of an expression, nested statements
inline constexpr int kMaxJinjaDepth = 400;                  // expressions and macros under way
inline constexpr uint16_t kMaxJinjaNesting = 100;           // lists in lists
inline constexpr size_t kMaxJinjaText = size_t{128} << 20;  // bytes of one string or of the output
inline constexpr int64_t kMaxJinjaRange = 100000;           // as Jinja's own sandbox has it

class JinjaBudget {
 public:
  // About a second of work. Steps and bytes are paid from the same purse.
  static constexpr uint64_t kBase = 400'000'000;
  static constexpr uint64_t kPerInputByte = 200;
  static constexpr uint64_t kStep = 16;

  explicit JinjaBudget(uint64_t left = kBase) : left_(left) {}

  // Call it before work on that many bytes, or before that many bytes are allocated.
  void charge(uint64_t units) {
    if (units > left_) fail();
    left_ -= units;
  }
  void step() { charge(kStep); }
  // Call it before a text of this size is made.
  void charge_text(size_t size) {
    if (size > kMaxJinjaText) fail_text();
    charge(size);
  }

 private:
  [[noreturn]] static void fail() {
    throw JinjaFailure{"the template takes too many steps or too much memory"};
  }
  [[noreturn]] static void fail_text() {
    throw JinjaFailure{"the template makes a text that is too long"};
  }

  uint64_t left_;
};

}  // namespace temper
