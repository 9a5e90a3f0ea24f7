#include "run/checkpoint/checkpoint_files.h"

#include <fstream>
#include <vector>

#include "common/error.h"

namespace temper {

Hash128 hash_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> buffer(size_t{4} << 20);
  StreamHasher hasher;
  while (stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         stream.gcount() > 0) {
    hasher.update(buffer.data(), static_cast<size_t>(stream.gcount()));
  }
  if (!stream.eof()) throw SystemError("{}: cannot be read", path.string());
  return hasher.digest();
}

std::string find_damage(const std::filesystem::path& directory, const CommitRecord& record) {
  for (const CommittedFile& file : record.files) {
    const Hash128 found = hash_file(directory / file.name);
    if (found != file.hash) {
      return fmt::format("{}: the content is not what was committed (hash {} instead of {})",
                         file.name, found.hex(), file.hash.hex());
    }
  }
  return "";
}

}  // namespace temper
