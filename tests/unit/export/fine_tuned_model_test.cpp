// Opening checkpoints for export and evaluation.
#include "checkpoint/fine_tuned_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "config/recorded_config.h"
#include "config/resolved_config.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

template <typename Action>
std::string error_of(const Action& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(FineTunedModel, refuses_another_base) {
  const TinyRun world({false, true});
  write_tiny_model(world.root() / "other", false, 12);
  EXPECT_THAT(error_of([&] { FineTunedModel(world.checkpoint(), world.root() / "other"); }),
              names((world.root() / "other").string(), "step-2", "hash", "--model"));
  fs::copy(world.base(), world.root() / "moved");
  const FineTunedModel moved(world.checkpoint(), world.root() / "moved");
  EXPECT_EQ(moved.base_directory(), world.root() / "moved");
}

TEST(CheckpointReader, finds_a_flipped_bit) {
  const TinyRun world({false, true});
  const FineTunedModel tuned(world.checkpoint());
  EXPECT_EQ(error_of([&] { tuned.reader().verify_files(); }), "no error");
  const fs::path path = world.checkpoint() / rank_file_name(0, 1);
  std::string bytes = read_file(path);
  bytes[bytes.size() - 5] = static_cast<char>(bytes[bytes.size() - 5] ^ 1);
  write_file_atomically(path, bytes);
  EXPECT_THAT(error_of([&] { tuned.reader().verify_files(); }), names(path.filename().string()));
}

TEST(RecordedConfig, outlives_the_files_it_names) {
  const TinyRun world({false, true});
  const std::string yaml = resolved_yaml(world.config());
  fs::remove(world.dataset());
  EXPECT_EQ(read_recorded_config(yaml, "record"), world.config());
  EXPECT_THAT(error_of([&] { read_recorded_config(yaml + "warp_drive: 9\n", "record"); }),
              names("warp_drive"));
  EXPECT_THAT(error_of([&] { read_recorded_config("just text", "record"); }), names("record"));
}

}  // namespace
}  // namespace temper
