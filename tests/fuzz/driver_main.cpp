// driver SECONDS CORPUS_DIR [SEED]: runs LLVMFuzzerTestOneInput over the seed corpus and over
// mutations of it, where libFuzzer is not at hand. An input that crashes, throws or takes longer
// than ten seconds is written to crash-input in the working directory.
#include <fcntl.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using Random = std::mt19937_64;

constexpr unsigned kSecondsPerInput = 10;
constexpr std::size_t kMaxInputBytes = std::size_t{1} << 20;
constexpr rlim_t kMaxAddressSpace = rlim_t{4} << 30;

const Bytes* current_input = nullptr;

// Only async-signal-safe calls: the heap may be broken.
void save_input() {
  static const char message[] = "fuzz: this input failed, it is in ./crash-input\n";
  const int file = ::open("crash-input", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file >= 0 && current_input != nullptr) {
    if (::write(file, current_input->data(), current_input->size()) < 0) ::_exit(EXIT_FAILURE);
    ::close(file);
  }
  if (::write(STDERR_FILENO, message, sizeof(message) - 1) < 0) ::_exit(EXIT_FAILURE);
}

extern "C" void save_input_and_die(int signal) {
  save_input();
  std::signal(signal, SIG_DFL);
  ::raise(signal);
}

// A hostile size that is allocated unchecked ends in bad_alloc instead of filling the machine.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const rlimit limit{kMaxAddressSpace, kMaxAddressSpace};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) std::perror("fuzz: setrlimit");
#endif
}

std::vector<Bytes> read_corpus(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

std::size_t below(Random& random, std::size_t bound) {
  return bound == 0 ? 0 : random() % bound;
}

void overwrite_with_edge_number(Bytes& bytes, Random& random) {
  static constexpr std::array<std::uint64_t, 10> kEdges = {0,          1,
                                                           0x7f,       0xff,
                                                           0x7fffffff, 0xffffffff,
                                                           0x80000000, 0x7fffffffffffffff,
                                                           ~0ULL,      0x8000000000000000};
  const std::uint64_t value = kEdges[below(random, kEdges.size())];
  const std::size_t width = std::size_t{1} << below(random, 4);
  const std::size_t at = below(random, bytes.size());
  for (std::size_t i = 0; i < width && at + i < bytes.size(); ++i) {
    bytes[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
}

void insert_bytes(Bytes& bytes, const Bytes& from, Random& random) {
  const std::size_t begin = below(random, from.size());
  const std::size_t count = std::min(from.size() - begin, below(random, 64) + 1);
  const auto at = static_cast<std::ptrdiff_t>(below(random, bytes.size() + 1));
  const Bytes chunk(from.begin() + static_cast<std::ptrdiff_t>(begin),
                    from.begin() + static_cast<std::ptrdiff_t>(begin + count));
  bytes.insert(bytes.begin() + at, chunk.begin(), chunk.end());
}

void erase_bytes(Bytes& bytes, Random& random) {
  const std::size_t begin = below(random, bytes.size());
  const std::size_t count = std::min(bytes.size() - begin, below(random, 64) + 1);
  const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(begin);
  bytes.erase(first, first + static_cast<std::ptrdiff_t>(count));
}

// Replaces a run of digits: text formats carry their sizes so.
void overwrite_with_digits(Bytes& bytes, Random& random) {
  static const std::array<std::string, 6> kNumbers = {
      "0", "-1", "4294967296", "9223372036854775807", "18446744073709551616", "1e999"};
  const std::string& number = kNumbers[below(random, kNumbers.size())];
  const auto digit = [](std::uint8_t c) { return c >= '0' && c <= '9'; };
  const auto start = bytes.begin() + static_cast<std::ptrdiff_t>(below(random, bytes.size()));
  const auto first = std::find_if(start, bytes.end(), digit);
  const auto last = std::find_if_not(first, bytes.end(), digit);
  const auto at = bytes.erase(first, last);
  bytes.insert(at, number.begin(), number.end());
}

void mutate(Bytes& bytes, const std::vector<Bytes>& corpus, Random& random) {
  if (bytes.empty()) {
    bytes.push_back(static_cast<std::uint8_t>(random()));
    return;
  }
  switch (below(random, 8)) {
    case 0:
      bytes[below(random, bytes.size())] ^= static_cast<std::uint8_t>(1U << below(random, 8));
      break;
    case 1:
      overwrite_with_edge_number(bytes, random);
      break;
    case 2:
      bytes[below(random, bytes.size())] = static_cast<std::uint8_t>(random());
      break;
    case 3:
      insert_bytes(bytes, bytes, random);
      break;
    case 4:
      insert_bytes(bytes, corpus[below(random, corpus.size())], random);
      break;
    case 5:
      erase_bytes(bytes, random);
      break;
    case 6:
      bytes.resize(below(random, bytes.size()));
      break;
    default:
      overwrite_with_digits(bytes, random);
      break;
  }
  if (bytes.size() > kMaxInputBytes) bytes.resize(kMaxInputBytes);
}

void run_one(const Bytes& input) {
  // An exact copy on the heap lets the address sanitizer see a read past the end.
  const Bytes exact(input.begin(), input.end());
  current_input = &input;
  ::alarm(kSecondsPerInput);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
  ::alarm(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s SECONDS CORPUS_DIR [SEED]\n", argv[0]);
    return 2;
  }
  const std::vector<Bytes> corpus = read_corpus(argv[2]);
  if (corpus.empty()) {
    std::fprintf(stderr, "fuzz: no seed file in %s\n", argv[2]);
    return 2;
  }
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
    std::signal(signal, save_input_and_die);
  }
#ifdef __SANITIZE_ADDRESS__
  // What the sanitizer reports ends the process without a signal.
  __sanitizer_set_death_callback(save_input);
#endif
  limit_memory();

  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  Random random(seed);
  std::uint64_t inputs = 0;
  for (const Bytes& input : corpus) {
    run_one(input);
    ++inputs;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(argv[1]));
  while (std::chrono::steady_clock::now() < end) {
    Bytes input = corpus[below(random, corpus.size())];
    for (std::size_t left = below(random, 6) + 1; left > 0; --left) mutate(input, corpus, random);
    run_one(input);
    ++inputs;
  }
  std::printf("fuzz: %llu inputs from %zu seeds, seed %llu, none failed\n",
              static_cast<unsigned long long>(inputs), corpus.size(),
              static_cast<unsigned long long>(seed));
  return 0;
}
