#include "io/input/json_array_input.h"

#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;

bool is_blank(int c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

}  // namespace

JsonArrayReader::JsonArrayReader(std::unique_ptr<ByteInput> input, std::string name,
                                 size_t max_element_bytes)
    : input_(without_byte_order_mark(std::move(input))),
      name_(std::move(name)),
      max_element_bytes_(max_element_bytes),
      buffer_(kBufferBytes) {}

int JsonArrayReader::peek() {
  if (begin_ == end_) {
    begin_ = 0;
    end_ = input_->read(buffer_.data(), buffer_.size());
    if (end_ == 0) return kEnd;
  }
  return static_cast<unsigned char>(buffer_[begin_]);
}

void JsonArrayReader::skip_blanks() {
  while (is_blank(peek())) ++begin_;
}

void JsonArrayReader::refuse(const char* what) const {
  throw UserError("{}: {} (after element {} of a JSON array)", name_, what, number_);
}

void JsonArrayReader::begin_array() {
  skip_blanks();
  if (peek() != '[') refuse("not a JSON array");
  ++begin_;
  begun_ = true;
}

// Takes all up to the comma or bracket that follows the element; false when there is no element.
bool JsonArrayReader::take_element(std::string& element) {
  int depth = 0;
  bool in_string = false, escaped = false;
  for (int c = peek(); c != kEnd; c = peek()) {
    if (in_string) {
      in_string = escaped || c != '"';
      escaped = !escaped && c == '\\';
    } else if (c == '"') {
      in_string = true;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      while (!element.empty() && is_blank(element.back())) element.pop_back();
      return !element.empty();
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
      if (depth < 0) refuse("a bracket closes what was not opened");
    }
    if (element.size() == max_element_bytes_) refuse("the next element is too long");
    element.push_back(static_cast<char>(c));
    ++begin_;
  }
  refuse("the array has no end: was the file cut off?");
}

bool JsonArrayReader::next(std::string& element) {
  element.clear();
  if (done_) return false;
  if (!begun_) begin_array();
  skip_blanks();
  const bool found = take_element(element);
  const bool last = peek() == ']';
  if (!found && !(last && number_ == 0)) refuse("an element is missing");
  ++begin_;
  if (last) {
    done_ = true;
    skip_blanks();
    if (peek() != kEnd) refuse("text after the array's end");
  }
  if (found) ++number_;
  return found;
}

}  // namespace temper
