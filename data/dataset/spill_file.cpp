#include "data/dataset/spill_file.h"

#include <unistd.h>

#include <cerrno>

#include "common/error.h"
#include "io/temporary_name.h"

namespace temper {

SpillFile::SpillFile(const std::filesystem::path& path, const char* what) {
  int fd = -1;
  path_ = create_temporary(path, fmt::format("{}.partial", what), fd);
  fd_ = FileDescriptor(fd);
  if (unlink(path_.c_str()) != 0) {
    throw SystemError("{}: cannot be unlinked: {}", path_.native(), errno_text(errno));
  }
}

void SpillFile::append(const void* data, size_t num_bytes) {
  if (num_bytes == 0) return;
  write_fully(fd_.get(), size_, data, num_bytes, path_);
  size_ += num_bytes;
}

void SpillFile::read(uint64_t offset, void* data, size_t num_bytes) const {
  if (num_bytes > 0) read_fully(fd_.get(), offset, data, num_bytes, path_);
}

}  // namespace temper
