// Models and adapters that are wrong, and a disk that fills up while one is exported.
#include <gmock/gmock.h>

#include "launcher/ranks/process.h"
#include "tests/fixtures/names.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ModelFaultsTest = TrainingFixture;

size_t count_of(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST_F(ModelFaultsTest, a_nan_in_the_weights_is_said_once_and_named) {
  // In the embedding's first row, which no token of the corpus uses: the run itself is unharmed.
  std::string bytes = read("model/model.safetensors");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  const Json header = parse_json(bytes.substr(8, header_bytes), "header");
  const uint64_t begin = header["model.embed_tokens.weight"]["data_offsets"][0];
  bytes.replace(8 + header_bytes + begin, 4, std::string("\0\0\xc0\x7f", 4));
  write("model/model.safetensors", bytes);
  for (const char* placement : {"node_shared", "sharded"}) {
    const ProgramRun run = train(placement, 2,
                                 {"--set", "adapter=lora", "--set", "lora_target_modules=q_proj",
                                  "--set", std::string("base_placement=") + placement});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_EQ(count_of(run.err, "model.embed_tokens.weight holds numbers that are NaN"), 1u)
        << run.err;
  }
  EXPECT_THAT(temper({"generate", "--model", "model", "--chat-template", "none", "--prompt", "a",
                      "--max-new-tokens", "1"})
                  .err,
              names("model.embed_tokens.weight", "NaN"));
}

TEST_F(ModelFaultsTest, wrong_modules_are_found_before_any_rank_starts) {
  const ProgramRun target = train(
      "out", 1,
      {"--set", "adapter=lora", "--set", "lora_target_modules=[q_proj, upproj]", "--dry-run"});
  EXPECT_EQ(target.exit_code, 2);
  EXPECT_THAT(error_message(target), names("\"upproj\"", "\"up_proj\"", "down_proj, gate_proj"));
  const ProgramRun saved =
      train("out", 1,
            {"--set", "adapter=lora", "--set", "lora_modules_to_save=embed_token", "--dry-run"});
  EXPECT_EQ(saved.exit_code, 2);
  EXPECT_THAT(error_message(saved), names("\"embed_token\"", "\"embed_tokens\""));
}

TEST_F(ModelFaultsTest, tokenizer_larger_than_the_embedding) {
  std::string config = read("model/config.json");
  config.replace(config.find("258"), 3, "257");
  write("model/config.json", config);
  for (const std::vector<std::string>& more : {std::vector<std::string>{"--dry-run"}, {}}) {
    const ProgramRun run = train("out", 1, more);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_THAT(error_message(run), names("tokenizer", "258", "257"));
  }
}

TEST_F(ModelFaultsTest, shape_that_contradicts_the_configuration) {
  std::string config = read("model/config.json");
  config.replace(config.find("\"intermediate_size\": 64"), 23, "\"intermediate_size\": 65");
  write("model/config.json", config);
  const ProgramRun run = train("out", 2);
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_THAT(error_message(run), names("gate_proj.weight", "[64, 32]", "[65, 32]"));
}

TEST_F(ModelFaultsTest, full_disk_during_an_export_leaves_the_old_one) {
  ASSERT_EQ(train("out", 1).exit_code, 0);
  temper_output({"export", "out", "-o", "exported"});
  const std::string report = read("exported/export_report.json");
  const std::vector<std::string> before = listing();
  // No file may grow beyond 32 KiB: the configuration fits, the weights do not.
  const CapturedProcess run = run_captured(
      {"sh", "-c",
       fmt::format("cd {} && trap '' XFSZ && ulimit -f 64 && exec {} export out -o exported",
                   folder().string(), TEMPER_PROGRAM)});
  EXPECT_EQ(run.status.code, 1) << run.standard_error;
  EXPECT_THAT(run.standard_error, names("model.safetensors", "error: "));
  EXPECT_EQ(read("exported/export_report.json"), report);
  EXPECT_EQ(listing(), before);
  EXPECT_EQ(temper({"export", "out", "-o", "exported"}).exit_code, 0);
}

}  // namespace
}  // namespace temper
