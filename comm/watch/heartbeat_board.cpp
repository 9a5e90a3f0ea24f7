#include "comm/watch/heartbeat_board.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <new>

namespace temper {
namespace {

// A rank tells the others by this where its heartbeat is.
struct Entry {
  pid_t pid = 0;
  int fd = -1;  // of the node's memory, where this rank has made it
  uint64_t cookie = 0;

  std::string to_text() const { return fmt::format("{} {} {}", pid, fd, cookie); }
  static Entry from_text(const std::string& text) {
    Entry entry;
    unsigned long long cookie = 0;
    TEMPER_CHECK(std::sscanf(text.c_str(), "%d %d %llu", &entry.pid, &entry.fd, &cookie) == 3);
    entry.cookie = cookie;
    return entry;
  }
};

int make_memory(size_t num_bytes) {
  const int fd = memfd_create("temper-heartbeats", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(num_bytes)) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

// The memory behind another process's descriptor: only within its PID namespace, as its user.
int open_memory_of(const Entry& owner, size_t num_bytes) {
  const std::string path = fmt::format("/proc/{}/fd/{}", owner.pid, owner.fd);
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  struct stat info {};
  if (fd >= 0 && fstat(fd, &info) == 0 && info.st_size == static_cast<off_t>(num_bytes)) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

void* map(int fd, size_t num_bytes) {
  if (fd < 0) return nullptr;
  void* memory = mmap(nullptr, num_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

// The memory holds a header, then a heartbeat for each rank of the node.
struct HeartbeatBoard::Page {
  static size_t size(size_t num_ranks) { return sizeof(Heartbeat) * (1 + num_ranks); }
  static Header* header(void* memory) { return static_cast<Header*>(memory); }
  static Heartbeat* heartbeat(void* memory, size_t index) {
    return static_cast<Heartbeat*>(memory) + 1 + index;
  }
  static_assert(sizeof(Header) <= sizeof(Heartbeat));
};

HeartbeatBoard::HeartbeatBoard(ProcessGroup& world, const std::vector<int>& node_ranks) {
  const size_t num_bytes = Page::size(node_ranks.size());
  const bool is_maker = node_ranks.front() == world.rank();
  Entry mine{getpid(), -1, 0};
  void* memory = nullptr;
  if (is_maker) {
    mine.fd = make_memory(num_bytes);
    mine.cookie = static_cast<uint64_t>(
        std::chrono::system_clock::now().time_since_epoch().count() ^ (int64_t{mine.pid} << 40));
    memory = map(mine.fd, num_bytes);
    if (memory != nullptr) {
      new (memory) Header{mine.cookie, {}};
      for (size_t i = 0; i < node_ranks.size(); ++i) new (Page::heartbeat(memory, i)) Heartbeat;
    }
  }
  const std::vector<std::string> texts = world.all_gather_text(mine.to_text());
  const Entry maker = Entry::from_text(texts[static_cast<size_t>(node_ranks.front())]);
  if (!is_maker && maker.fd >= 0) {
    const int fd = open_memory_of(maker, num_bytes);
    memory = map(fd, num_bytes);
    if (fd >= 0) close(fd);
    if (memory != nullptr && Page::header(memory)->cookie != maker.cookie) memory = nullptr;
  }
  world.barrier();  // all have opened it
  if (mine.fd >= 0) close(mine.fd);

  if (memory == nullptr) {
    static Header alone;
    header_ = &alone;
    members_ = {{world.rank(), mine.pid, &heartbeat::mine()}};
    return;
  }
  header_ = Page::header(memory);
  for (size_t i = 0; i < node_ranks.size(); ++i) {
    const int rank = node_ranks[i];
    const Entry entry = Entry::from_text(texts[static_cast<size_t>(rank)]);
    members_.push_back({rank, entry.pid, Page::heartbeat(memory, i)});
    if (rank == world.rank()) heartbeat::keep_in(*members_.back().heartbeat);
  }
}

bool HeartbeatBoard::claim_report() {
  return !header_->is_reported.exchange(true);
}

}  // namespace temper
