// A decisions file.
#include <sys/mman.h>
#include <unistd.h>

#include "common/error.h"
#include "data/hygiene/decisions.h"
#include "io/atomic_file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace temper;
  const FileDescriptor file(memfd_create("input", 0));
  TEMPER_CHECK(file.is_open());
  write_fully(file.get(), 0, data, size, "input");
  try {
    const Decisions read = Decisions::read("/proc/self/fd/" + std::to_string(file.get()));
    for (size_t i = 0; i < read.size() && i < 1000; ++i) {
      drop_reason_name(read.at(static_cast<int64_t>(i)).drop);
    }
  } catch (const UserError&) {
  }
  return 0;
}
