#include "run/find_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "run/owned_run_directory.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/run/sample_run.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

class FindCheckpoint : public ::testing::Test {
 protected:
  FindCheckpoint() { fill(run_); }
  static void fill(SampleRun& run) {
    for (const int64_t step : {2, 4, 6}) run.add_checkpoint(step);
    run.write_losses("test_loss", {{0, 3.0}, {2, 2.5}, {4, 2.0}, {6, 2.2}});
  }
  std::string root() const { return run_.directory().root().string(); }
  std::string refusal(const std::string& reference) const {
    return error_text<UserError>([&] { find_checkpoint(reference); });
  }

  SampleRun run_;
};

TEST_F(FindCheckpoint, takes_the_recommended_one_of_a_run) {
  const FoundCheckpoint found = find_checkpoint(root());
  EXPECT_EQ(found.path, run_.directory().checkpoint_path(4));
  EXPECT_EQ(found.text,
            root() + ": step-4, the recommended one (lowest test loss); newest is step-6");
  ASSERT_TRUE(found.recommendation);
  EXPECT_EQ(find_checkpoint(root() + "/").path, found.path);
}

TEST_F(FindCheckpoint, takes_the_one_that_is_named) {
  const FoundCheckpoint newest = find_checkpoint(root() + "@newest");
  EXPECT_EQ(newest.path, run_.directory().checkpoint_path(6));
  EXPECT_EQ(newest.text, root() + ": step-6, the newest one; recommended is step-4");
  EXPECT_FALSE(newest.recommendation);
  const FoundCheckpoint second = find_checkpoint(root() + "@step-2");
  EXPECT_EQ(second.path, run_.directory().checkpoint_path(2));
  EXPECT_EQ(second.text, root() + ": step-2, as named; recommended is step-4");
  EXPECT_EQ(find_checkpoint(root() + "/step-2").path, second.path);
  EXPECT_EQ(find_checkpoint(root() + "/@step-2").path, second.path);
  OwnedRunDirectory(run_.directory().root(), "a").point_latest_to(6);
  EXPECT_EQ(find_checkpoint(root() + "/latest").path, newest.path);
  EXPECT_EQ(find_checkpoint(root() + "/latest").text,
            root() + "/latest: step-6, as named; recommended is step-4");
}

TEST_F(FindCheckpoint, of_a_copied_checkpoint_knows_no_run) {
  fs::copy(root() + "/step-2", run_.directory().root().parent_path() / "step-2");
  const std::string copy = (run_.directory().root().parent_path() / "step-2").string();
  EXPECT_EQ(find_checkpoint(copy).text, copy + ": step-2, as named");
}

TEST_F(FindCheckpoint, of_a_name_with_an_at_sign_takes_the_path_that_exists) {
  SampleRun odd("first@newest");
  fill(odd);
  EXPECT_FALSE(is_checkpoint_reference(odd.directory().root()));
  EXPECT_EQ(find_checkpoint(odd.directory().root()).path, odd.directory().checkpoint_path(4));
  const fs::path named = odd.directory().root().string() + "@step-2";
  EXPECT_TRUE(is_checkpoint_reference(named));
  EXPECT_EQ(find_checkpoint(named).path, odd.directory().checkpoint_path(2));
}

TEST_F(FindCheckpoint, says_which_checkpoints_there_are) {
  EXPECT_EQ(refusal(root() + "@step-5"),
            root() + "@step-5: there is no such checkpoint; complete: step-2, step-4, step-6");
  EXPECT_THAT(refusal(root() + "@5"), names(root() + "@5: ", "@newest", "@step-N"));
  EXPECT_THAT(refusal(root() + "@step-05"), names(root() + "@step-05: ", "@newest", "@step-N"));
  fs::remove(run_.directory().checkpoint_path(4) / "commit.json");
  EXPECT_THAT(refusal(root() + "@step-4"),
              names(root() + "@step-4: ", "commit.json", "step-2, step-6"));
  EXPECT_EQ(find_checkpoint(root()).path, run_.directory().checkpoint_path(6));
  EXPECT_THAT(find_checkpoint(root()).text, names("step-6", "step 4 "));
}

TEST_F(FindCheckpoint, names_the_last_of_many_checkpoints) {
  for (int64_t step = 8; step <= 50; step += 2) run_.add_checkpoint(step);
  EXPECT_THAT(refusal(root() + "@step-5"),
              names(root() + "@step-5: ", "5 older", "step-12, step-14"));
}

TEST_F(FindCheckpoint, says_what_is_no_run) {
  EXPECT_THAT(refusal(root() + "/none"), names(root() + "/none: ", "RUN@step-N"));
  EXPECT_THAT(refusal(root() + "-none@newest"), names(root() + "-none@newest: ", "RUN@step-N"));
  const std::string parent = run_.directory().root().parent_path().string();
  EXPECT_THAT(refusal(parent), names(parent + ": ", "output_dir", "(step-N)"));
  EXPECT_THAT(refusal(parent + "@newest"), names(parent + "@newest: " + parent, "output_dir"));
  for (const int64_t step : {2, 4, 6}) fs::remove_all(run_.directory().checkpoint_path(step));
  EXPECT_EQ(refusal(root()), root() + ": the run has no complete checkpoint yet");
  EXPECT_THAT(refusal(root() + "@newest"), names(root() + "@newest: ", "no complete checkpoint"));
}

}  // namespace
}  // namespace temper
