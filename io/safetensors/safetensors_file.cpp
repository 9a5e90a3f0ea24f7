#include "io/safetensors/safetensors_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/safetensors/float_conversion.h"
#include "io/safetensors/safetensors_header.h"

namespace temper {
namespace {

// A read-only map of a whole file.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!file.is_open() || fstat(file.get(), &info) != 0) {
      throw UserError("cannot read {}: {}", path.native(), errno_text(errno));
    }
    if (!S_ISREG(info.st_mode)) {
      throw UserError("cannot read {}: it is not a regular file", path.native());
    }
    size_ = static_cast<size_t>(info.st_size);
    if (size_ == 0) return;
    address_ = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address_ == MAP_FAILED) {
      throw SystemError("cannot map {} into memory: {}", path.native(), errno_text(errno));
    }
  }
  ~MappedFile() {
    if (size_ > 0) munmap(address_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(address_), size_};
  }

 private:
  void* address_ = nullptr;
  size_t size_ = 0;
};

template <typename Stored>
std::vector<int64_t> widen(std::span<const std::byte> bytes) {
  std::vector<int64_t> values(bytes.size() / sizeof(Stored));
  for (size_t i = 0; i < values.size(); ++i) {
    Stored value;
    std::memcpy(&value, bytes.data() + i * sizeof(Stored), sizeof(Stored));
    values[i] = value;
  }
  return values;
}

// Shorter reads may be met again soon: giving their pages back would cost more than it saves.
constexpr int64_t kReleasedElements = int64_t{1} << 20;

}  // namespace

struct SafetensorsFile::Map {
  explicit Map(const std::filesystem::path& file_path)
      : path(file_path),
        file(file_path),
        header(parse_safetensors_header(file.bytes(), file_path.native())) {}

  std::filesystem::path path;
  MappedFile file;
  SafetensorsHeader header;
};

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : map_(std::make_unique<Map>(path)) {}
SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::filesystem::path& SafetensorsFile::path() const {
  return map_->path;
}
const std::map<std::string, TensorInfo>& SafetensorsFile::tensors() const {
  return map_->header.tensors;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return map_->header.metadata;
}

const TensorInfo& SafetensorsFile::info(const std::string& name) const {
  const auto found = tensors().find(name);
  if (found == tensors().end()) {
    throw UserError("{} has no tensor \"{}\"", path().native(), name);
  }
  return found->second;
}

std::span<const std::byte> SafetensorsFile::bytes(const std::string& name) const {
  const TensorInfo& tensor = info(name);
  return map_->file.bytes().subspan(map_->header.data_begin + tensor.begin, tensor.num_bytes());
}

void SafetensorsFile::release(std::span<const std::byte> part) const {
  if (part.empty()) return;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const size_t into_page = reinterpret_cast<uintptr_t>(part.data()) % page;
  auto* begin = const_cast<std::byte*>(part.data() - into_page);
  // This is advice only: a kernel that does not take it keeps the pages.
  (void)madvise(begin, part.size() + into_page, MADV_DONTNEED);
}

void SafetensorsFile::read_floats(const std::string& name, int64_t begin, int64_t end,
                                  float* out) const {
  const TensorInfo& tensor = info(name);
  if (!is_floating_point(tensor.dtype)) {
    throw UserError("{}: tensor \"{}\" is {}, expected F32, F16, BF16 or F64", path().native(),
                    name, dtype_name(tensor.dtype));
  }
  TEMPER_CHECK(0 <= begin && begin <= end && end <= tensor.num_elements(),
               "elements [{}, {}) of \"{}\"", begin, end, name);
  const size_t element_bytes = dtype_size_bytes(tensor.dtype);
  const auto part = bytes(name).subspan(static_cast<size_t>(begin) * element_bytes,
                                        static_cast<size_t>(end - begin) * element_bytes);
  // A long read lets go of its pages on the way, so that they never add up to the file.
  constexpr int64_t kBlockElements = int64_t{4} << 20;
  for (int64_t first = 0; first < end - begin; first += kBlockElements) {
    const int64_t count = std::min(kBlockElements, end - begin - first);
    const auto block = part.subspan(static_cast<size_t>(first) * element_bytes,
                                    static_cast<size_t>(count) * element_bytes);
    read_as_floats(block.data(), count, tensor.dtype, out + first);
    if (count >= kReleasedElements) release(block);
  }
}

std::vector<int64_t> SafetensorsFile::read_integers(const std::string& name) const {
  switch (info(name).dtype) {
    case DType::kI64:
      return widen<int64_t>(bytes(name));
    case DType::kI32:
      return widen<int32_t>(bytes(name));
    case DType::kU8:
    case DType::kBool:
      return widen<uint8_t>(bytes(name));
    default:
      throw UserError("{}: tensor \"{}\" is {}, expected I64, I32, U8 or BOOL", path().native(),
                      name, dtype_name(info(name).dtype));
  }
}

}  // namespace temper
