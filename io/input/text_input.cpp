#include "io/input/text_input.h"

#include <cstring>
#include <utility>
#include <vector>

#include "common/error.h"
#include "io/input/byte_input.h"

namespace temper {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;

}  // namespace

struct LineReader::State {
  State(std::unique_ptr<ByteInput> its_input, std::string its_name, size_t max_bytes)
      : name(std::move(its_name)),
        input(without_byte_order_mark(std::move(its_input))),
        buffer(kBufferBytes),
        max_line_bytes(max_bytes) {}

  std::string name;
  std::unique_ptr<ByteInput> input;
  std::vector<char> buffer;
  size_t begin = 0, end = 0;  // what of the buffer has not been handed out
  size_t max_line_bytes;
  int64_t line_number = 0;

  bool refill() {
    begin = 0;
    try {
      end = input->read(buffer.data(), buffer.size());
    } catch (const UserError& error) {
      end = 0;
      throw UserError("{} (after line {})", error.what(), line_number);
    }
    return end > 0;
  }

  // Appends up to the next "\n", which is taken but not kept; false at the end of the input.
  bool append_line(std::string& line) {
    bool any = false;
    while (begin < end || refill()) {
      any = true;
      const char* from = buffer.data() + begin;
      const auto* newline = static_cast<const char*>(std::memchr(from, '\n', end - begin));
      const size_t count = newline ? static_cast<size_t>(newline - from) : end - begin;
      if (line.size() + count > max_line_bytes) {
        throw UserError("{}:{}: the line is longer than {} bytes", name, line_number + 1,
                        max_line_bytes);
      }
      line.append(from, count);
      begin += count;
      if (newline) {
        ++begin;
        break;
      }
    }
    return any;
  }
};

LineReader::LineReader(const std::filesystem::path& path, size_t max_line_bytes)
    : LineReader(open_byte_input(path), path == "-" ? "standard input" : path.native(),
                 max_line_bytes) {}
LineReader::LineReader(std::unique_ptr<ByteInput> input, std::string name, size_t max_line_bytes)
    : state_(std::make_unique<State>(std::move(input), std::move(name), max_line_bytes)) {}
LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;

bool LineReader::next(std::string& line) {
  line.clear();
  if (!state_->append_line(line)) return false;
  if (!line.empty() && line.back() == '\r') line.pop_back();
  ++state_->line_number;
  return true;
}

int64_t LineReader::line_number() const {
  return state_->line_number;
}

}  // namespace temper
