// temper-bench-tokenizer TOKENIZER THREADS warm|cold: reads texts (a JSON list of strings on
// each line of standard input is one set), answers each line with the seconds that encoding the set
// took, the number of ids and a hash of them. `warm` keeps the word cache between lines; `cold`
// reads the tokenizer anew for each.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/error.h"
#include "io/json.h"
#include "text/tokenizer/tokenizer.h"

namespace temper {
namespace {

// FNV-1a over all ids in order.
uint64_t ids_hash(const std::vector<std::vector<int32_t>>& texts) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const auto& ids : texts) {
    for (const int32_t id : ids) hash = (hash ^ static_cast<uint32_t>(id)) * 0x100000001b3;
  }
  return hash;
}

void encode_all(const Tokenizer& tokenizer, const std::vector<std::string>& texts,
                size_t num_threads, std::vector<std::vector<int32_t>>& ids) {
  constexpr size_t kTextsAtOnce = 16;  // texts differ in length: a thread takes the next when free
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t first; (first = next.fetch_add(kTextsAtOnce)) < texts.size();) {
      const size_t last = std::min(first + kTextsAtOnce, texts.size());
      for (size_t i = first; i < last; ++i) ids[i] = tokenizer.encode(texts[i], false).ids;
    }
  };
  std::vector<std::thread> threads;
  for (size_t t = 1; t < num_threads; ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
}

void serve(const std::string& file, size_t num_threads, bool cold) {
  auto tokenizer = std::make_unique<Tokenizer>(Tokenizer::from_file(file));
  for (std::string line; std::getline(std::cin, line);) {
    const auto texts = parse_json(line, "standard input").get<std::vector<std::string>>();
    if (cold) tokenizer = std::make_unique<Tokenizer>(Tokenizer::from_file(file));
    std::vector<std::vector<int32_t>> ids(texts.size());
    const auto start = std::chrono::steady_clock::now();
    encode_all(*tokenizer, texts, num_threads, ids);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    size_t num_ids = 0;
    for (const auto& text : ids) num_ids += text.size();
    fmt::print("{} {} {}\n", seconds.count(), num_ids, ids_hash(ids));
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace temper

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: temper-bench-tokenizer TOKENIZER THREADS warm|cold\n");
    return 2;
  }
  try {
    temper::serve(argv[1], std::stoul(argv[2]), std::string(argv[3]) == "cold");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
