#include "io/system_calls.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace temper::sys {

int open(const char* path, int flags, mode_t mode) {
  int fd = -1;
  do {
    fd = ::open(path, flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

ssize_t write(int fd, const void* data, size_t num_bytes) {
  return ::write(fd, data, num_bytes);
}

ssize_t pwrite(int fd, const void* data, size_t num_bytes, off_t offset) {
  return ::pwrite(fd, data, num_bytes, offset);
}

int ftruncate(int fd, off_t size) {
  return ::ftruncate(fd, size);
}

int fallocate(int fd, off_t size) {
  return ::fallocate(fd, 0, 0, size);
}

int fsync(int fd) {
  return ::fsync(fd);
}

int close(int fd) {
  return ::close(fd);
}

int mkdir(const char* path, mode_t mode) {
  return ::mkdir(path, mode);
}

int rename(const char* from, const char* to) {
  return ::rename(from, to);
}

int symlink(const char* target, const char* path) {
  return ::symlink(target, path);
}

int unlink(const char* path) {
  return ::unlink(path);
}

}  // namespace temper::sys
