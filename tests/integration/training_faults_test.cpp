// What the outside world does to a run: a disk that fills up, too little shared memory, a GPU that
// can't be used, a shard of the base that is not there.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "launcher/ranks/process.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TrainingFaultsTest : public TemperFixture {
 protected:
  TrainingFaultsTest() {
    write_model_config();
    temper_output({"new-model", "--config", "base/config.json", "--tokenizer",
                   "base/tokenizer.json", "-o", "model"});
    write_dataset(60);
    write("run.yaml",
          "base_model: model\ndatasets: [{path: train.h5}]\nglobal_batch_size: 4\n"
          "learning_rate: 1e-3\nmax_steps: 4\noutput_dir: out\n");
  }
};

TEST_F(TrainingFaultsTest, gpu_that_is_allocated_but_unusable_is_no_silent_cpu_run) {
  const std::map<std::string, std::string> with_gpu = {{"CUDA_VISIBLE_DEVICES", "0"}};
  const ProgramRun refused = temper({"train", "run.yaml", "--nproc", "2"}, "", with_gpu);
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(error_message(refused), names("CUDA_VISIBLE_DEVICES=0", "device: cpu"));
  EXPECT_FALSE(exists("out"));

  const ProgramRun on_purpose = temper({"train", "run.yaml", "--set", "device=cpu"}, "", with_gpu);
  EXPECT_EQ(on_purpose.exit_code, 0) << on_purpose.err;
}

TEST_F(TrainingFaultsTest, full_disk_while_saving_leaves_no_checkpoint) {
  // No file may grow beyond 8 KiB: the metrics fit, a rank's shards do not.
  const CapturedProcess run =
      run_captured({"sh", "-c",
                    fmt::format("cd {} && trap '' XFSZ && ulimit -f 16 && exec {} train run.yaml",
                                folder().string(), TEMPER_PROGRAM)});
  EXPECT_EQ(run.status.code, 1) << run.standard_error;
  EXPECT_THAT(run.standard_error, names("rank-00000-of-00001.safetensors"));
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "out")) {
    EXPECT_THAT(entry.path().filename().string(), Not(HasSubstr("step-")));
  }
  EXPECT_THAT(read("out/status.json"), HasSubstr("failed"));
  // With room again the same command does the run.
  EXPECT_EQ(temper({"train", "run.yaml"}).exit_code, 0);
}

TEST_F(TrainingFaultsTest, loss_that_is_not_finite_ends_the_run) {
  const ProgramRun run = temper({"train", "run.yaml", "--set", "learning_rate=1e30"});
  EXPECT_EQ(run.exit_code, 1) << run.err;
  EXPECT_THAT(run.err, names("step 2", "not finite", "micro-batch"));
  EXPECT_THAT(run.err, names("no checkpoint yet", "learning_rate"));
  EXPECT_THAT(read("out/status.json"), HasSubstr("failed"));
}

TEST_F(TrainingFaultsTest, questions_named_as_the_output_stay) {
  const std::string questions = R"({"prompt": "Why?", "completion": "So."})";
  write("questions.jsonl", questions);
  const ProgramRun run = temper({"eval", "--model", "model", "--chat-template", "plain",
                                 "--questions", "questions.jsonl", "-o", "./questions.jsonl"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("--output", "questions.jsonl", "--questions"));
  EXPECT_EQ(read("questions.jsonl"), questions);
}

TEST_F(TrainingFaultsTest, missing_shard_of_the_base_is_named) {
  std::filesystem::rename(folder() / "model/model.safetensors",
                          folder() / "model/model-00001-of-00002.safetensors");
  write("model/model.safetensors.index.json",
        R"({"metadata": {}, "weight_map": {
            "model.embed_tokens.weight": "model-00001-of-00002.safetensors",
            "model.norm.weight": "model-00002-of-00002.safetensors"}})");
  const ProgramRun run = temper({"train", "run.yaml", "--nproc", "2"});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("model-00002-of-00002.safetensors"));
  EXPECT_FALSE(exists("out"));
}

#ifdef TEMPER_CAN_MOUNT
// The same command where /dev/shm has this size (a mount namespace of its own: nothing else sees
// it).
CapturedProcess run_with_shared_memory(const std::string& size, const std::string& folder,
                                       const std::string& arguments) {
  return run_captured(
      {"unshare", "--mount", "--map-root-user", "sh", "-c",
       fmt::format("mount -t tmpfs -o size={} tmpfs /dev/shm && cd {} && exec {} {}", size, folder,
                   TEMPER_PROGRAM, arguments)});
}

TEST_F(TrainingFaultsTest, shared_memory_too_small_for_the_frozen_base_is_named) {
  const CapturedProcess run = run_with_shared_memory("64k", folder().string(),
                                                     "train run.yaml --nproc 2 --set adapter=lora");
  const std::string message = error_message({1, "", run.standard_error});
  EXPECT_EQ(run.status.code, 1);
  EXPECT_THAT(message, names("/dev/shm", "base_placement", "replicated", "sharded"));
  EXPECT_FALSE(exists("out/step-00000004"));
  const ProgramRun after = temper({"train", "run.yaml", "--nproc", "2", "--set", "adapter=lora"});
  EXPECT_EQ(after.exit_code, 0) << after.err;
}

TEST_F(TrainingFaultsTest, trainable_weights_go_by_messages_without_shared_memory) {
  const CapturedProcess run =
      run_with_shared_memory("64k", folder().string(), "train run.yaml --nproc 2");
  EXPECT_EQ(run.status.code, 0) << run.standard_error;
  EXPECT_THAT(run.standard_error, names("/dev/shm"));
  const Json by_messages = temper_json({"inspect", "out", "--json"});
  EXPECT_EQ(temper({"train", "run.yaml", "--nproc", "2", "--set", "output_dir=again"}).exit_code,
            0);
  EXPECT_EQ(by_messages["latest"]["state_hash"],
            temper_json({"inspect", "again", "--json"})["latest"]["state_hash"]);
}
#endif

}  // namespace
}  // namespace temper
