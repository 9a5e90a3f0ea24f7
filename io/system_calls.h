// The system calls by which files come to be, in one place. A test program links another
// implementation in their stead, which fails, shortens or delays the n-th call, or remembers what
// was not synced yet (tests/faults/).
//
// They behave and set errno as the calls of their names do.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace temper::sys {

// Adds O_CLOEXEC and goes on after EINTR.
int open(const char* path, int flags, mode_t mode = 0);
ssize_t write(int fd, const void* data, size_t num_bytes);
ssize_t pwrite(int fd, const void* data, size_t num_bytes, off_t offset);
int ftruncate(int fd, off_t size);
int fallocate(int fd, off_t size);
int fsync(int fd);
int close(int fd);
int mkdir(const char* path, mode_t mode);
int rename(const char* from, const char* to);
int symlink(const char* target, const char* path);
int unlink(const char* path);

}  // namespace temper::sys
