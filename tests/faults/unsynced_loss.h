// What a power cut would leave of a directory: only what was synced. A file that is not synced
// loses its bytes, a directory that is not synced the names that it has got or lost since. SIGKILL
// does not show a missing fsync, because the page cache outlives it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace temper::faults {

class UnsyncedLoss {
 public:
  // Watches this process's calls from now on; what is below `root` now counts as synced. One at a
  // time.
  explicit UnsyncedLoss(const std::filesystem::path& root);
  ~UnsyncedLoss();
  UnsyncedLoss(const UnsyncedLoss&) = delete;
  UnsyncedLoss& operator=(const UnsyncedLoss&) = delete;

  // What becomes of a file that has a synced name and bytes that are not.
  enum class Unsynced { kEmpty, kZeros };
  // Makes the directory `out` as `root` would be found after a power cut now.
  void write_survivors(const std::filesystem::path& out, Unsynced unsynced) const;

  // Called by faulty_system_calls.cpp.
  static void created(int fd);
  static void synced(int fd);

 private:
  struct Entry {
    std::string name;
    ino_t inode = 0;
    std::string link_target;  // of a symbolic link
    bool is_directory = false;
    uintmax_t size = 0;  // when the directory was synced
  };
  void take(const std::filesystem::path& path);
  static std::vector<Entry> list(const std::filesystem::path& directory);
  void write(ino_t directory, const std::filesystem::path& out, Unsynced unsynced) const;

  mutable std::mutex mutex_;
  std::filesystem::path root_;
  ino_t root_inode_ = 0;
  std::map<ino_t, std::string> contents_;
  std::map<ino_t, std::vector<Entry>> directories_;
};

}  // namespace temper::faults
