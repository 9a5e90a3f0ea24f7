// Any bit of any file of a checkpoint: its damage is named, or it provably changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/unit/checkpoint/tiny_state.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

void flip(const fs::path& path, uint64_t bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto at = static_cast<std::streamoff>(bit / 8);
  file.seekg(at);
  const char byte = static_cast<char>(file.get());
  file.seekp(at);
  file.put(static_cast<char>(byte ^ (1 << (bit % 8))));
}

// What looking at the checkpoint says: the error, or nothing.
std::string verify(const fs::path& directory) {
  try {
    const CheckpointReader reader(directory);
    reader.verify_files();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(BitFlips, are_named_or_change_nothing) {
  TinyState state;
  const Hash128 hash = state.save(7);
  const fs::path directory = state.run().checkpoint_path(7);
  const std::string record = CheckpointReader(directory).record().to_json();
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  ASSERT_EQ(files.size(), 2u);

  const char* wanted = std::getenv("TEMPER_BIT_FLIPS");
  const int num_flips = wanted == nullptr ? 200 : std::atoi(wanted);
  const char* seed = std::getenv("TEMPER_SEED");
  const Philox random(seed == nullptr ? 1 : static_cast<uint64_t>(std::atoll(seed)), 0);
  int64_t named = 0, harmless = 0, restored = 0;
  for (int i = 0; i < num_flips; ++i) {
    const auto draw = 2 * static_cast<uint64_t>(i);
    const fs::path& file = files[random.below(draw, files.size())];
    const uint64_t bit = random.below(draw + 1, 8 * fs::file_size(file));
    SCOPED_TRACE(fmt::format("bit {} of {}", bit, file.filename().string()));
    flip(file, bit);
    const std::string error = verify(directory);
    if (error.empty()) {
      // Layout of the record's text: everything that it says is as it was.
      EXPECT_EQ(file.filename(), "commit.json");
      EXPECT_EQ(CheckpointReader(directory).record().to_json(), record);
      ++harmless;
    } else {
      EXPECT_NE(error.find(file.filename().string()), std::string::npos) << error;
      ++named;
    }
    try {
      state.set(1000 + i);
      restore_checkpoint(directory, state.model());
      EXPECT_EQ(state_hash(state.model(), 7, 28), hash);
      ++restored;
    } catch (const Error& restore_error) {
      EXPECT_NE(std::string(restore_error.what()).find("step-7"), std::string::npos);
      EXPECT_FALSE(error.empty());
    }
    flip(file, bit);
  }
  EXPECT_EQ(verify(directory), "");
  EXPECT_GT(named, num_flips / 2);
  fmt::print(
      "{} flips: {} named by inspection, {} without effect; restoring took {} of them for "
      "what was saved, and was right\n",
      num_flips, named, harmless, restored);
}

}  // namespace
}  // namespace temper
