// Names of files in what others wrote: an index, a record.
#pragma once

#include <string>

namespace temper {

// Whether it names a file right in the directory that it is looked for in, and no other.
inline bool is_plain_file_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == name.npos &&
         name.find('\0') == name.npos;
}

}  // namespace temper
