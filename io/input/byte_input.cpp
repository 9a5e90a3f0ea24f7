#include "io/input/byte_input.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
constexpr std::string_view kGzipMagic = "\x1f\x8b";
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// The file's own bytes through one buffer, which decoders look into.
class RawInput {
 public:
  explicit RawInput(const std::filesystem::path& path)
      : name_(path == "-" ? "standard input" : path.native()), buffer_(kBufferBytes) {
    if (path == "-") {
      fd_ = FileDescriptor(dup(STDIN_FILENO));
    } else {
      fd_ = FileDescriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    struct stat info {};
    if (!fd_.is_open() || fstat(fd_.get(), &info) != 0) {
      throw UserError("cannot read {}: {}", name_, errno_text(errno));
    }
    if (S_ISDIR(info.st_mode)) throw UserError("cannot read {}: it is a directory", name_);
  }

  const std::string& name() const { return name_; }
  std::string_view buffered() const { return {buffer_.data() + begin_, end_ - begin_}; }
  void consume(size_t num_bytes) { begin_ += num_bytes; }

  // Reads until `num_bytes` are buffered or the file ends; false when fewer are left.
  bool fill(size_t num_bytes) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= std::exchange(begin_, 0);
    while (end_ < num_bytes) {
      const ssize_t count = ::read(fd_.get(), buffer_.data() + end_, buffer_.size() - end_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw UserError("cannot read {}: {}", name_, errno_text(errno));
      if (count == 0) return false;
      end_ += static_cast<size_t>(count);
    }
    return true;
  }

 private:
  std::string name_;
  FileDescriptor fd_;
  std::vector<char> buffer_;
  size_t begin_ = 0, end_ = 0;
};

class PlainInput final : public ByteInput {
 public:
  explicit PlainInput(RawInput raw) : raw_(std::move(raw)) {}

  size_t read(char* out, size_t capacity) override {
    if (raw_.buffered().empty() && !raw_.fill(1)) return 0;
    const size_t count = std::min(capacity, raw_.buffered().size());
    std::memcpy(out, raw_.buffered().data(), count);
    raw_.consume(count);
    return count;
  }

 private:
  RawInput raw_;
};

// One or more gzip members (RFC 1952), as gzip and bgzip write them.
class GzipInput final : public ByteInput {
 public:
  explicit GzipInput(RawInput raw) : raw_(std::move(raw)) {
    constexpr int kGzipOnly = 15 + 16;
    TEMPER_CHECK(inflateInit2(&stream_, kGzipOnly) == Z_OK);
  }
  ~GzipInput() override { inflateEnd(&stream_); }

  size_t read(char* out, size_t capacity) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min(capacity, kBufferBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      if (raw_.buffered().empty() && !raw_.fill(1)) {
        if (inside_member_) throw UserError("{}: the gzip data is cut off", raw_.name());
        return 0;
      }
      inflate_some();
    }
    return wanted - stream_.avail_out;
  }

 private:
  void inflate_some() {
    const std::string_view input = raw_.buffered();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    stream_.avail_in = static_cast<uInt>(input.size());
    inside_member_ = true;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    raw_.consume(input.size() - stream_.avail_in);
    if (result == Z_STREAM_END) {
      inside_member_ = false;
      TEMPER_CHECK(inflateReset(&stream_) == Z_OK);
    } else if (result != Z_OK) {
      throw UserError("{}: the gzip data is damaged", raw_.name());
    }
  }

  RawInput raw_;
  z_stream stream_{};
  bool inside_member_ = false;
};

// One or more zstd frames (RFC 8878).
class ZstdInput final : public ByteInput {
 public:
  explicit ZstdInput(RawInput raw) : raw_(std::move(raw)), stream_(ZSTD_createDStream()) {
    TEMPER_CHECK(stream_ != nullptr);
  }
  ~ZstdInput() override { ZSTD_freeDStream(stream_); }

  size_t read(char* out, size_t capacity) override {
    ZSTD_outBuffer output{out, capacity, 0};
    while (output.pos == 0) {
      // Without input the decoder may still hold output, so an empty buffer is not yet the end.
      const bool at_end = raw_.buffered().empty() && !raw_.fill(1);
      const std::string_view bytes = raw_.buffered();
      ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
      if (at_end && !inside_frame_) return 0;
      const size_t result = ZSTD_decompressStream(stream_, &output, &input);
      if (ZSTD_isError(result)) {
        throw UserError("{}: the zstd data is damaged ({})", raw_.name(),
                        ZSTD_getErrorName(result));
      }
      raw_.consume(input.pos);
      inside_frame_ = result != 0;
      if (at_end && inside_frame_ && output.pos == 0) {
        throw UserError("{}: the zstd data is cut off", raw_.name());
      }
    }
    return output.pos;
  }

 private:
  RawInput raw_;
  ZSTD_DStream* stream_;
  bool inside_frame_ = false;
};

class UnmarkedInput final : public ByteInput {
 public:
  explicit UnmarkedInput(std::unique_ptr<ByteInput> input) : input_(std::move(input)) {}

  size_t read(char* out, size_t capacity) override {
    if (std::exchange(at_start_, false)) {
      const std::string_view start = input_.peek(kByteOrderMark.size());
      char mark[kByteOrderMark.size()];
      if (behind_byte_order_mark(start).size() < start.size()) input_.read(mark, sizeof(mark));
    }
    return input_.read(out, capacity);
  }

 private:
  PeekableInput input_;
  bool at_start_ = true;
};

}  // namespace

std::string_view PeekableInput::peek(size_t num_bytes) {
  while (seen_.size() < num_bytes) {
    const size_t before = seen_.size();
    seen_.resize(num_bytes);
    const size_t count = input_->read(seen_.data() + before, num_bytes - before);
    seen_.resize(before + count);
    if (count == 0) break;
  }
  return std::string_view(seen_).substr(0, num_bytes);
}

size_t PeekableInput::read(char* out, size_t capacity) {
  if (seen_.empty()) return input_->read(out, capacity);
  const size_t count = std::min(capacity, seen_.size());
  std::memcpy(out, seen_.data(), count);
  seen_.erase(0, count);
  return count;
}

std::string_view behind_byte_order_mark(std::string_view text) {
  return text.starts_with(kByteOrderMark) ? text.substr(kByteOrderMark.size()) : text;
}

std::unique_ptr<ByteInput> without_byte_order_mark(std::unique_ptr<ByteInput> input) {
  return std::make_unique<UnmarkedInput>(std::move(input));
}

std::unique_ptr<ByteInput> open_byte_input(const std::filesystem::path& path) {
  RawInput raw(path);
  raw.fill(kZstdMagic.size());
  const std::string_view start = raw.buffered();
  if (start.substr(0, kGzipMagic.size()) == kGzipMagic) {
    return std::make_unique<GzipInput>(std::move(raw));
  }
  if (start.substr(0, kZstdMagic.size()) == kZstdMagic) {
    return std::make_unique<ZstdInput>(std::move(raw));
  }
  return std::make_unique<PlainInput>(std::move(raw));
}

}  // namespace temper
