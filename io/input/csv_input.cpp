#include "io/input/csv_input.h"

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace temper {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
constexpr size_t kMaxColumns = 4096;

}  // namespace

CsvReader::CsvReader(std::unique_ptr<ByteInput> input, std::string name, char separator,
                     size_t max_record_bytes)
    : input_(without_byte_order_mark(std::move(input))),
      name_(std::move(name)),
      separator_(separator),
      max_record_bytes_(max_record_bytes),
      buffer_(kBufferBytes) {
  if (!take_record(columns_)) throw UserError("{}: empty, not even a header", name_);
  if (problem_) throw UserError("{}:{}: the header has {}", name_, line_number_, problem_);
  if (columns_.size() > kMaxColumns) {
    throw UserError("{}: {} columns, at most {} are read", name_, columns_.size(), kMaxColumns);
  }
  std::vector<std::string> sorted = columns_;
  std::sort(sorted.begin(), sorted.end());
  if (sorted.front().empty() || std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    throw UserError("{}:{}: every column of the header needs a name of its own", name_,
                    line_number_);
  }
}

int CsvReader::peek() {
  if (begin_ == end_) {
    begin_ = 0;
    try {
      end_ = input_->read(buffer_.data(), buffer_.size());
    } catch (const UserError& error) {
      end_ = 0;
      throw UserError("{} (after line {})", error.what(), next_line_ - 1);
    }
    if (end_ == 0) return kEnd;
  }
  return static_cast<unsigned char>(buffer_[begin_]);
}

void CsvReader::add(std::string& field, int c) {
  if (++record_bytes_ > max_record_bytes_) {
    throw UserError("{}:{}: the record is longer than {} bytes", name_, line_number_,
                    max_record_bytes_);
  }
  field.push_back(static_cast<char>(c));
}

void CsvReader::take_quoted(std::string& field) {
  ++begin_;
  for (int c = peek();; c = peek()) {
    if (c == kEnd) throw UserError("{}:{}: a quoted field has no end", name_, line_number_);
    ++begin_;
    if (c == '"') {
      if (peek() != '"') return;
      ++begin_;
    }
    next_line_ += c == '\n';
    add(field, c);
  }
}

bool CsvReader::take_field(std::string& field) {
  const bool quoted = peek() == '"';
  if (quoted) take_quoted(field);
  for (int c = peek();; c = peek()) {
    if (c == kEnd) return false;
    ++begin_;
    if (c == static_cast<unsigned char>(separator_)) return true;
    if (c == '\r' && peek() == '\n') continue;
    if (c == '\n') {
      ++next_line_;
      return false;
    }
    if (quoted) problem_ = "text behind a closing quote";
    add(field, c);
  }
}

bool CsvReader::take_record(std::vector<std::string>& fields) {
  record_bytes_ = 0;
  problem_ = nullptr;
  do {
    fields.clear();
    if (peek() == kEnd) return false;
    line_number_ = next_line_;
    do {
      fields.emplace_back();
    } while (take_field(fields.back()) && fields.size() <= kMaxColumns);
  } while (fields.size() == 1 && fields[0].empty());
  return true;
}

bool CsvReader::next(std::vector<std::string>& fields) {
  if (!take_record(fields)) return false;
  if (!problem_ && fields.size() != columns_.size()) {
    problem_ = fields.size() < columns_.size() ? "fewer fields than the header has columns"
                                               : "more fields than the header has columns";
  }
  return true;
}

}  // namespace temper
