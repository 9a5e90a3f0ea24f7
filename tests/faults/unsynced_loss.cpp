#include "tests/faults/unsynced_loss.h"

#include <sys/stat.h>

#include <fstream>
#include <iterator>

namespace temper::faults {
namespace fs = std::filesystem;
namespace {

UnsyncedLoss* watching = nullptr;

ino_t inode_of(const fs::path& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

fs::path path_of(int fd) {
  return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace

UnsyncedLoss::UnsyncedLoss(const fs::path& root) : root_(root), root_inode_(inode_of(root)) {
  take(root_);
  watching = this;
}

UnsyncedLoss::~UnsyncedLoss() {
  watching = nullptr;
}

std::vector<UnsyncedLoss::Entry> UnsyncedLoss::list(const fs::path& directory) {
  std::vector<Entry> entries;
  for (const auto& found : fs::directory_iterator(directory)) {
    Entry entry{found.path().filename().string(), inode_of(found.path()), "", false, 0};
    if (found.is_symlink()) {
      entry.link_target = fs::read_symlink(found.path()).string();
    } else {
      entry.is_directory = found.is_directory();
      if (!entry.is_directory) entry.size = found.file_size();
    }
    entries.push_back(entry);
  }
  return entries;
}

void UnsyncedLoss::take(const fs::path& path) {
  if (!fs::is_directory(path)) {
    contents_[inode_of(path)] = content_of(path);
    return;
  }
  directories_[inode_of(path)] = list(path);
  for (const auto& entry : fs::directory_iterator(path)) {
    if (!entry.is_symlink()) take(entry.path());
  }
}

// Inode numbers are used again: what the one before had is not the new one's.
void UnsyncedLoss::created(int fd) {
  struct stat info {};
  if (watching == nullptr || fstat(fd, &info) != 0) return;
  const std::lock_guard lock(watching->mutex_);
  watching->contents_.erase(info.st_ino);
  watching->directories_.erase(info.st_ino);
}

void UnsyncedLoss::synced(int fd) {
  struct stat info {};
  if (watching == nullptr || fstat(fd, &info) != 0) return;
  const std::lock_guard lock(watching->mutex_);
  if (S_ISDIR(info.st_mode)) {
    watching->directories_[info.st_ino] = list(fs::read_symlink(path_of(fd)));
  } else {
    watching->contents_[info.st_ino] = content_of(path_of(fd));
  }
}

void UnsyncedLoss::write_survivors(const fs::path& out, Unsynced unsynced) const {
  const std::lock_guard lock(mutex_);
  fs::remove_all(out);
  write(root_inode_, out, unsynced);
}

void UnsyncedLoss::write(ino_t directory, const fs::path& out, Unsynced unsynced) const {
  fs::create_directory(out);
  const auto found = directories_.find(directory);
  if (found == directories_.end()) return;
  for (const Entry& entry : found->second) {
    const fs::path path = out / entry.name;
    const auto content = contents_.find(entry.inode);
    if (!entry.link_target.empty()) {
      fs::create_symlink(entry.link_target, path);
    } else if (entry.is_directory) {
      write(entry.inode, path, unsynced);
    } else if (content != contents_.end()) {
      std::ofstream(path, std::ios::binary) << content->second;
    } else {
      std::ofstream(path, std::ios::binary)
          << std::string(unsynced == Unsynced::kZeros ? entry.size : 0, '\0');
    }
  }
}

}  // namespace temper::faults
