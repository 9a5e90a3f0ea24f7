#include "io/json.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json_sax.h"

namespace temper {
namespace {

// Only a key that looks like a name is shown: in a record, a key could be its text.
std::string shown_key(const std::string& key) {
  const bool is_name =
      !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '.';
      });
  return is_name ? fmt::format("\"{}\"", key) : fmt::format("of {} bytes", key.size());
}

// Appends without the linear search of ordered_json's operator[]; the caller rules out duplicates.
void append_member(OrderedJson::object_t& object, std::string&& key) {
  object.emplace_back(std::move(key), nullptr);
}

// Builds a document. Json finds a duplicate key on insertion, OrderedJson needs a set of keys.
template <typename Document>
class DocumentBuilder final : public JsonHandler {
 public:
  using JsonHandler::JsonHandler;

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(int64_t value) override { return add(value); }
  bool number_unsigned(uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool start_array(size_t) override { return open(Document::array()); }
  bool start_object(size_t) override {
    if constexpr (kOrdered) keys_.emplace_back();
    return open(Document::object());
  }
  bool key(std::string& key) override {
    auto& object = stack_.back()->template get_ref<typename Document::object_t&>();
    if constexpr (kOrdered) {
      if (!keys_.back().insert(key).second) throw_duplicate_key(key);
      append_member(object, std::move(key));
      slot_ = &object.back().second;
    } else {
      const auto [member, is_new] = object.emplace(std::move(key), nullptr);
      if (!is_new) throw_duplicate_key(member->first);
      slot_ = &member->second;
    }
    return true;
  }
  bool end_array() override { return close(); }
  bool end_object() override {
    if constexpr (kOrdered) keys_.pop_back();
    return close();
  }

  Document take() { return std::move(document_); }

 private:
  static constexpr bool kOrdered = std::is_same_v<Document, OrderedJson>;

  template <typename Value>
  bool add(Value&& value) {
    place_value(Document(std::forward<Value>(value)));
    return true;
  }

  Document* place_value(Document&& value) {
    if (stack_.empty()) {
      document_ = std::move(value);
      return &document_;
    }
    Document& parent = *stack_.back();
    if (parent.is_object()) {
      *slot_ = std::move(value);
      return slot_;
    }
    auto& array = parent.template get_ref<typename Document::array_t&>();
    array.push_back(std::move(value));
    return &array.back();
  }

  // The pointers stay valid: a container grows only while it is the innermost open one.
  bool open(Document&& empty) {
    enter();
    stack_.push_back(place_value(std::move(empty)));
    return true;
  }
  bool close() {
    leave();
    stack_.pop_back();
    return true;
  }

  Document document_;
  std::vector<Document*> stack_;
  Document* slot_ = nullptr;  // of the key that was read last
  std::vector<std::unordered_set<std::string>> keys_;
};

template <typename Document>
Document parse_document(std::string_view text, const std::string& place) {
  DocumentBuilder<Document> builder(place);
  builder.parse(text);
  return builder.take();
}

constexpr size_t kMaxShownBytes = 80;

std::string shown_value(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return fmt::format("a list of {}", value.size());
  const std::string text = value.dump(-1, ' ', true);  // ASCII, so it may be cut anywhere
  return text.size() <= kMaxShownBytes ? text : text.substr(0, kMaxShownBytes) + "...";
}

[[noreturn]] void throw_wrong_type(const std::string& place, const std::string& key,
                                   const Json& value, const char* wanted) {
  throw UserError("{}: \"{}\" is {}, expected {}", place, key, shown_value(value), wanted);
}

}  // namespace

void throw_json_misuse(const char* condition) {
  throw InternalError(
      fmt::format("internal error: a JSON document was asked for what it does not hold: `{}` does "
                  "not hold (a bug in temper)",
                  condition));
}

void JsonHandler::parse(std::string_view text) {
  text_ = text;
  depth_ = 0;
  Json::sax_parse(text.begin(), text.end(), this);
}

bool JsonHandler::parse_error(size_t position, const std::string&,
                              const nlohmann::detail::exception& error) {
  const size_t offset = std::min(position == 0 ? 0 : position - 1, text_.size());
  const std::string_view before = text_.substr(0, offset);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  const std::string_view reason = error.what();
  const char* what = "not valid JSON";
  if (reason.find("UTF-8") != reason.npos) {
    what = "not valid JSON, the text is not UTF-8";
  } else if (error.id == 406) {
    what = "not valid JSON, a number is out of range";
  } else if (offset == text_.size()) {
    what = "not valid JSON, the document ends too early";
  }
  // The place of a document of one line, a record in a file of many, has the line already.
  const bool one_line = text_.find('\n') >= text_.size() - 1;
  throw UserError("{}: {} ({}column {})", place_, what,
                  one_line ? "" : fmt::format("line {}, ", line), offset - line_start + 1);
}

void JsonHandler::enter() {
  if (++depth_ > kMaxJsonDepth) {
    throw UserError("{}: JSON nested deeper than {} levels", place_, kMaxJsonDepth);
  }
}

void JsonHandler::throw_duplicate_key(const std::string& key) const {
  throw UserError("{}: a key {} appears twice in one object", place_, shown_key(key));
}

Json parse_json(std::string_view text, const std::string& place) {
  return parse_document<Json>(text, place);
}

OrderedJson parse_ordered_json(std::string_view text, const std::string& place) {
  return parse_document<OrderedJson>(text, place);
}

Json read_json_file(const std::filesystem::path& path, size_t max_bytes) {
  return parse_json(read_file(path, max_bytes), path.native());
}

JsonFields::JsonFields(const Json& object, std::string place)
    : object_(&object), place_(std::move(place)) {
  if (!object.is_object()) {
    throw UserError("{}: expected a JSON object, found {}", place_, shown_value(object));
  }
}

bool JsonFields::has(const std::string& key) const {
  const auto found = object_->find(key);
  return found != object_->end() && !found->is_null();
}

const Json& JsonFields::require(const std::string& key) const {
  const auto found = object_->find(key);
  if (found == object_->end()) throw UserError("{}: \"{}\" is missing", place_, key);
  return *found;
}

int64_t JsonFields::integer(const std::string& key) const {
  const Json& value = require(key);
  const bool too_large = value.is_number_unsigned() &&
                         value.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()};
  if (!value.is_number_integer() || too_large) {
    throw_wrong_type(place_, key, value, "an integer");
  }
  return value.get<int64_t>();
}

double JsonFields::number(const std::string& key) const {
  const Json& value = require(key);
  if (!value.is_number()) throw_wrong_type(place_, key, value, "a number");
  return value.get<double>();
}

bool JsonFields::boolean(const std::string& key) const {
  const Json& value = require(key);
  if (!value.is_boolean()) throw_wrong_type(place_, key, value, "true or false");
  return value.get<bool>();
}

std::string JsonFields::text(const std::string& key) const {
  const Json& value = require(key);
  if (!value.is_string()) throw_wrong_type(place_, key, value, "a string");
  return value.get<std::string>();
}

int64_t JsonFields::integer_or(const std::string& key, int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}

double JsonFields::number_or(const std::string& key, double fallback) const {
  return has(key) ? number(key) : fallback;
}

bool JsonFields::boolean_or(const std::string& key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

std::string JsonFields::text_or(const std::string& key, const std::string& fallback) const {
  return has(key) ? text(key) : fallback;
}

JsonFields JsonFields::object(const std::string& key) const {
  const Json& value = require(key);
  if (!value.is_object()) throw_wrong_type(place_, key, value, "an object");
  return JsonFields(value, fmt::format("{}: {}", place_, key));
}

}  // namespace temper
