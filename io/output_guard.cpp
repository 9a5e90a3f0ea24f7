#include "io/output_guard.h"

#include <system_error>

#include "common/error.h"
#include "io/atomic_file.h"

namespace temper {
namespace fs = std::filesystem;
namespace {

bool holds(const std::function<bool()>& is_product) {
  try {
    return is_product();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void refuse_to_overwrite_foreign(const fs::path& output, const char* product,
                                 const std::function<bool()>& is_product) {
  std::error_code error;
  const fs::file_status status = fs::status(output, error);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status)) {
    throw UserError("{} is a directory; name a file in it", output.string());
  }
  if (!fs::is_regular_file(status)) {
    throw UserError("{} exists and is not a regular file; choose another output", output.string());
  }
  if (fs::file_size(output, error) == 0 && !error) return;
  if (!holds(is_product)) {
    throw UserError("{} exists and is not {}; choose another output, or remove it first",
                    output.string(), product);
  }
}

void make_output_folder(const fs::path& output) {
  try {
    make_directories(output.parent_path());
  } catch (const SystemError& error) {
    throw UserError("{}: {}; choose another output", output.native(), error.what());
  }
}

}  // namespace temper
