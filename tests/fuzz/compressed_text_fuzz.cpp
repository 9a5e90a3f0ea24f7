// A corpus file, plain or compressed, read by lines.
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/input/text_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  constexpr size_t kMaxLineBytes = 1 << 16;
  constexpr int kMaxLines = 10'000;  // a small file may unpack to gigabytes
  const FileDescriptor file(memfd_create("input", 0));
  TEMPER_CHECK(file.is_open());
  write_fully(file.get(), 0, data, size, "input");
  try {
    LineReader reader("/proc/self/fd/" + std::to_string(file.get()), kMaxLineBytes);
    std::string line;
    while (reader.line_number() < kMaxLines && reader.next(line)) {
      TEMPER_CHECK(line.size() <= kMaxLineBytes && line.find('\n') == line.npos);
    }
  } catch (const UserError&) {
  }
  return 0;
}
