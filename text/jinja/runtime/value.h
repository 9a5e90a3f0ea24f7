// The values of a template: what Python's str, int, float, list, tuple, dict and None are there.
// Strings, lists and dicts never change once they are made (the sandbox refuses to), so values are
// copied by reference. A value belongs to one rendering and its thread; only values that hold no
// object (constants of the template) are shared.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/jinja/runtime/budget.h"

namespace temper {

enum class JinjaType : uint8_t {
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kView,       // dict.items() and its kin
  kRange,      // range()
  kGenerator,  // what map, select and others give: can be walked over once
  kNamespace,
  kLoop,
  kFunction,
};

// Python's name of the type.
const char* jinja_type_name(JinjaType type);

struct JinjaObject {
  uint32_t num_references = 0;
  uint16_t nesting = 1;  // 1 + that of the deepest object in it

  JinjaObject() = default;
  JinjaObject(const JinjaObject&) = delete;
  JinjaObject& operator=(const JinjaObject&) = delete;
  virtual ~JinjaObject() = default;
  // Takes in a value of this nesting; JinjaFailure when that is too deep.
  void hold(uint16_t inner);
  virtual void clear() {}  // lets go of the values in it, for objects that can change
};

// Counts references without atomics: see above.
template <typename T>
class JinjaRef {
 public:
  JinjaRef() = default;
  explicit JinjaRef(T* object) : object_(object) { acquire(); }
  JinjaRef(const JinjaRef& other) : object_(other.object_) { acquire(); }
  JinjaRef(JinjaRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  JinjaRef& operator=(JinjaRef other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~JinjaRef() {
    if (object_ && --object_->num_references == 0) delete object_;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  void acquire() {
    if (object_) ++object_->num_references;
  }
  T* object_ = nullptr;
};

struct JinjaRuntime;
struct JinjaArguments;
class JinjaValue;
struct JinjaDict;
struct JinjaItems;
struct JinjaRange;
struct JinjaNamespace;
struct JinjaCallable;

// A function of the language: filters, tests, methods and globals have the same form. `subject` is
// what stands before the bar or the dot; undefined for globals.
using JinjaFunction = JinjaValue (*)(JinjaRuntime&, const JinjaValue& subject, JinjaArguments&);

class JinjaValue {
 public:
  JinjaValue() : JinjaValue(JinjaType::kUndefined) { text_ = {nullptr, 0}; }
  // `name` is what was looked for (it outlives the value; empty: not to be shown) in a value of the
  // type `owner`; kUndefined: among the variables.
  static JinjaValue undefined(std::string_view name, JinjaType owner = JinjaType::kUndefined);
  static JinjaValue none() { return JinjaValue(JinjaType::kNone); }
  static JinjaValue boolean(bool value);
  static JinjaValue integer(int64_t value);
  static JinjaValue number(double value);
  // The bytes are valid UTF-8 and outlive the value.
  static JinjaValue borrowed(std::string_view text);
  // A borrowed text that is the template's own, and so may be shown in errors.
  static JinjaValue constant(std::string_view text);
  static JinjaValue text(std::string text);
  // A part of `whole`'s text.
  static JinjaValue part(const JinjaValue& whole, std::string_view part);
  static JinjaValue list(std::vector<JinjaValue> items);
  static JinjaValue tuple(std::vector<JinjaValue> items);
  static JinjaValue items(JinjaType type, std::vector<JinjaValue> items, const char* name);
  static JinjaValue dict(const JinjaRef<JinjaDict>& dict);
  static JinjaValue object(JinjaType type, JinjaObject* object);  // takes part in its ownership
  static JinjaValue function(JinjaFunction function);

  JinjaType type() const { return type_; }
  bool is(JinjaType type) const { return type_ == type; }
  bool is_undefined() const { return is(JinjaType::kUndefined); }
  bool is_none() const { return is(JinjaType::kNone); }
  bool is_string() const { return is(JinjaType::kString); }
  bool is_dict() const { return is(JinjaType::kDict); }
  bool is_list_or_tuple() const { return is(JinjaType::kList) || is(JinjaType::kTuple); }
  bool is_integral() const { return is(JinjaType::kInt) || is(JinjaType::kBool); }
  bool is_number() const { return is_integral() || is(JinjaType::kFloat); }

  bool as_bool() const { return integer_ != 0; }
  int64_t as_integer() const { return integer_; }  // of kInt and kBool
  double as_double() const { return is(JinjaType::kFloat) ? number_ : double(integer_); }
  std::string_view as_text() const { return {text_.data, text_.size}; }
  JinjaObject* object() const { return object_.get(); }
  const JinjaDict& as_dict() const;
  JinjaItems& as_items() const;  // of kList, kTuple, kView, kGenerator
  const JinjaRange& as_range() const;
  JinjaNamespace& as_namespace() const;
  JinjaFunction as_function() const { return function_; }  // null: a callable object
  uint16_t nesting() const { return object_ ? object_->nesting : 0; }

  bool is_markup() const { return is_markup_; }  // of the filters safe and escape
  JinjaValue with_markup() const;
  bool is_from_template() const { return is_from_template_; }
  JinjaValue with_from_template() const;
  // "'x' is undefined" for an undefined value.
  std::string undefined_text() const;
  [[noreturn]] void fail_undefined() const { throw JinjaFailure{undefined_text()}; }
  JinjaValue as_forbidden() const;  // an undefined value that says so when it is used

 private:
  explicit JinjaValue(JinjaType type) : type_(type), integer_(0) {}

  JinjaType type_;
  JinjaType owner_ = JinjaType::kUndefined;
  bool is_markup_ = false;
  bool is_from_template_ = false;
  bool is_forbidden_ = false;
  struct Text {
    const char* data;
    size_t size;
  };
  union {
    int64_t integer_;
    double number_;
    Text text_;
    JinjaFunction function_;
  };
  JinjaRef<JinjaObject> object_;
};

struct JinjaText : JinjaObject {
  std::string text;
};

// The items of a list, tuple, view or generator.
struct JinjaItems : JinjaObject {
  std::vector<JinjaValue> items;
  const char* name = "";  // Python's: "dict_items"
  size_t position = 0;    // generators: what comes next
};

struct JinjaRange : JinjaObject {
  int64_t start = 0, stop = 0, step = 1;
  int64_t size() const;
  int64_t at(int64_t index) const { return start + index * step; }
};

// Entries in the order they were added; a key that is there keeps its place.
struct JinjaDict : JinjaObject {
  using Entry = std::pair<JinjaValue, JinjaValue>;
  std::vector<Entry> entries;

  // JinjaFailure when the key is unhashable.
  void set(JinjaValue key, JinjaValue value, JinjaBudget& budget);
  // The keys are known to be distinct strings.
  void append(JinjaValue key, JinjaValue value);
  const JinjaValue* find(const JinjaValue& key, JinjaBudget& budget) const;
  const JinjaValue* find(std::string_view key) const;

 private:
  Entry* find_entry(const JinjaValue& key, uint64_t hash, JinjaBudget& budget);
  void index_entry(size_t entry, uint64_t hash);
  std::unordered_multimap<uint64_t, size_t> index_;  // of dicts that are not small
};

struct JinjaNamespace : JinjaObject {
  std::vector<std::pair<std::string, JinjaValue>> attributes;
  const JinjaValue* find(std::string_view name) const;
  void set(std::string_view name, JinjaValue value);
  void clear() override { attributes.clear(); }
};

struct JinjaArguments {
  std::vector<JinjaValue> positional;
  std::vector<std::pair<std::string_view, JinjaValue>> named;
  std::vector<JinjaValue> owners;  // of the names
};

// Macros, bound methods and other functions with something of their own.
struct JinjaCallable : JinjaObject {
  virtual JinjaValue call(JinjaRuntime& runtime, JinjaArguments& arguments) = 0;
  virtual std::string repr() const = 0;
};

// What the functions of the language share during one rendering.
struct JinjaRuntime {
  JinjaBudget budget;
  // Objects that can be changed, and so could hold themselves: cleared when the rendering is over.
  std::vector<JinjaRef<JinjaObject>> changeable;
  std::optional<std::tm> now;  // what strftime_now() tells; none: the clock
};

// "a list", "str and int" and so on never show a value, but its type.
const char* jinja_type_name(const JinjaValue& value);

bool jinja_truth(const JinjaValue& value);
// Python's ==.
bool jinja_equal(const JinjaValue& a, const JinjaValue& b, JinjaBudget& budget);
// Below, at or above zero, for <, <=, > and >=; JinjaFailure when Python has no order for them.
int jinja_compare(const JinjaValue& a, const JinjaValue& b, const char* op, JinjaBudget& budget);
// JinjaFailure for lists and dicts.
uint64_t jinja_hash(const JinjaValue& value, JinjaBudget& budget);

// What Python's str() and repr() give.
void append_jinja_text(std::string& out, const JinjaValue& value, JinjaBudget& budget);
void append_jinja_repr(std::string& out, const JinjaValue& value, JinjaBudget& budget);
std::string jinja_float_repr(double value);
// The value as text, without copying when it is one.
JinjaValue jinja_to_text(const JinjaValue& value, JinjaBudget& budget);

// len(); JinjaFailure where Python has none.
int64_t jinja_length(const JinjaValue& value);
// What a for loop walks over: the characters of a string, the keys of a dict; uses up a generator.
std::vector<JinjaValue> jinja_iterate(const JinjaValue& value, JinjaBudget& budget);

}  // namespace temper
