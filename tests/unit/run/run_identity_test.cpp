#include "run/run_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"

namespace temper {
namespace {

TEST(RunIdentity, what_is_written_is_read) {
  RunIdentity identity;
  identity.run_id = "run-7";
  identity.base_hash = hash_text("base");
  identity.dataset_hash = hash_text("data");
  identity.adapter = "lora";
  identity.training_yaml = "seed: 1\n";
  const RunIdentity back = RunIdentity::from_json(identity.to_json(), "run.json");
  EXPECT_EQ(back.run_id, "run-7");
  EXPECT_EQ(back.base_hash, identity.base_hash);
  EXPECT_EQ(back.dataset_hash, identity.dataset_hash);
  EXPECT_EQ(back.adapter, "lora");
  EXPECT_EQ(back.training_yaml, "seed: 1\n");
  std::string damaged = identity.to_json();
  damaged.replace(damaged.find("run-7"), 5, "run-8");
  EXPECT_THAT(error_text<UserError>([&] { RunIdentity::from_json(damaged, "run.json"); }),
              names("run.json", "damaged"));
}

}  // namespace
}  // namespace temper
