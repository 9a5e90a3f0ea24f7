// `temper inspect` and `temper status` on what they may be pointed at.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "io/atomic_file.h"
#include "run/run_directory.h"
#include "run/status.h"
#include "temper_fixture.h"
#include "tests/fixtures/names.h"

namespace temper {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class InspectTest : public TemperFixture {
 protected:
  // What a terminal gets of it.
  std::string on_terminal(const std::vector<std::string>& arguments) {
    const FileDescriptor controller(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    EXPECT_TRUE(grantpt(controller.get()) == 0 && unlockpt(controller.get()) == 0);
    FileDescriptor terminal(open(ptsname(controller.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    std::vector<std::string> command = {TEMPER_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const pid_t pid =
        start_process(command, {.directory = folder().string(), .standard_output = terminal.get()});
    terminal = FileDescriptor();
    std::string shown;
    std::array<char, 4096> buffer{};
    // Ends with an error once the last writer is gone.
    for (ssize_t count = 0; (count = ::read(controller.get(), buffer.data(), buffer.size())) > 0;) {
      shown.append(buffer.data(), static_cast<size_t>(count));
    }
    EXPECT_EQ(wait_for_process(pid).shell_code(), 0);
    return shown;
  }
  std::string refusal(const std::vector<std::string>& arguments) {
    const ProgramRun run = temper(arguments);
    EXPECT_EQ(run.exit_code, 2);
    EXPECT_EQ(run.out, "");
    return error_message(run);
  }
};

TEST_F(InspectTest, dataset_with_samples) {
  write_dataset(5);
  const std::string text = temper_output({"inspect", "train.h5", "--samples", "1"});
  EXPECT_THAT(text, HasSubstr("What is number 0?"));
  EXPECT_THAT(text, HasSubstr("It is 0."));
  // The answer is marked, the prompt is not.
  EXPECT_LT(text.find("What is number 0?"), text.find("⟦"));
  const Json report = temper_json({"inspect", "train.h5", "--samples", "1", "--json"});
  ASSERT_EQ(report["samples"].size(), 1u);
  EXPECT_EQ(report["sources"][0]["name"], "train.jsonl");
  EXPECT_EQ(report["samples"][0]["documents"][0]["record"], 1);
}

// A file's name and records of whoever made the dataset, on the terminal of whoever looks at it.
TEST_F(InspectTest, terminal_obeys_nothing_of_what_it_is_shown) {
  write_tokenizer();
  write("a\x1b]0;b\x07.jsonl", R"({"prompt": "\u001b[2J?", "completion": "\u009b2J"})"
                               "\n");
  temper_output({"pack", "a\x1b]0;b\x07.jsonl", "-o", "train.h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", "64"});
  EXPECT_THAT(on_terminal({"inspect", "train.h5"}),
              AllOf(HasSubstr("a\\u001b]0;b\\u0007.jsonl"), Not(HasSubstr("\x1b"))));
  const std::string samples = on_terminal({"inspect", "train.h5", "--samples", "1"});
  EXPECT_THAT(samples, HasSubstr("\\u001b[2J?"));
  EXPECT_THAT(samples, HasSubstr("\x1b[32m\\u009b2J</s>\x1b[0m"));
  EXPECT_EQ(std::count(samples.begin(), samples.end(), '\x1b'), 2) << "not only our own colour";
  // JSON means the same on a terminal as elsewhere.
  const std::vector<std::string> as_json = {"inspect", "train.h5", "--samples", "1", "--json"};
  EXPECT_THAT(on_terminal(as_json), Not(HasSubstr("\u009b")));
  EXPECT_EQ(parse_json(on_terminal(as_json), "shown"), temper_json(as_json));
  EXPECT_THAT(refusal({"inspect", "no\x1b[2J.h5"}), names("no\\u001b[2J.h5"));
}

TEST_F(InspectTest, one_row_and_its_provenance) {
  write_dataset(40, 32);
  const Json report = temper_json({"inspect", "train.h5", "--row", "3", "--json"});
  ASSERT_EQ(report["samples"].size(), 1u);
  EXPECT_EQ(report["samples"][0]["row"], 3);
  EXPECT_GT(report["samples"][0]["documents"][0]["record"], 0);
  EXPECT_THAT(temper_output({"inspect", "train.h5", "--row", "3"}), HasSubstr("train.jsonl:"));
  EXPECT_THAT(refusal({"inspect", "train.h5", "--row", "4000"}), names("row 4000"));
}

TEST_F(InspectTest, samples_need_the_tokenizer_that_packed_them) {
  write_dataset(5);
  std::string other = read("tokenizer.json");
  // Two tokens change places.
  other.replace(other.find("\"a\":"), 4, "\"#\":");
  other.replace(other.rfind("\"b\":"), 4, "\"a\":");
  other.replace(other.find("\"#\":"), 4, "\"b\":");
  write("other.json", other);
  EXPECT_THAT(refusal({"inspect", "train.h5", "--samples", "1", "--tokenizer", "other.json"}),
              names("train.h5", "tokenizer", "hash"));
}

TEST_F(InspectTest, damaged_dataset) {
  write_dataset(20);
  std::string bytes = read("train.h5");
  write("train.h5", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(refusal({"inspect", "train.h5"}), names("train.h5"));
}

TEST_F(InspectTest, model_without_its_weights) {
  write_model_config();
  EXPECT_THAT(refusal({"inspect", "base"}), names("base"));
  write(
      "base/model.safetensors.index.json",
      R"({"metadata": {}, "weight_map": {"lm_head.weight": "model-00001-of-00001.safetensors"}})");
  EXPECT_THAT(refusal({"inspect", "base"}), names("model-00001-of-00001.safetensors"));
}

TEST_F(InspectTest, model_by_groups_and_what_lora_would_train) {
  write_model_config();
  temper_output({"new-model", "--config", "base/config.json", "--tokenizer", "base/tokenizer.json",
                 "-o", "model"});
  const Json model =
      temper_json({"inspect", "model", "--json", "--lora-r", "4", "--lora-target-modules",
                   "q_proj,down_proj", "--lora-modules-to-save", "lm_head"});
  EXPECT_EQ(model["architecture"], "LlamaForCausalLM");
  const Json& groups = model["parameters_by_group"];
  EXPECT_EQ(groups["embedding"], 258 * 32);
  EXPECT_EQ(groups["head"], 258 * 32);
  EXPECT_EQ(groups["attention"], 2 * (32 * 32 * 2 + 16 * 32 * 2));
  EXPECT_EQ(groups["mlp"], 2 * 3 * 64 * 32);
  EXPECT_EQ(groups["norms"], 5 * 32);
  EXPECT_EQ(groups["total"], model["parameters"]);
  EXPECT_EQ(model["dtypes"], Json({"F32"}));
  EXPECT_EQ(model["weight_bytes"], 4 * model["parameters"].get<int64_t>());
  EXPECT_EQ(model["tokenizer"]["vocab_size"], 258);
  EXPECT_TRUE(model["chat_template"].is_null());
  const Json& lora = model["lora"];
  const int64_t adapters = 2 * 4 * (32 + 32 + 64 + 32), head = 258 * 32;
  EXPECT_EQ(lora["adapter_parameters"], adapters);
  EXPECT_EQ(lora["trainable_parameters"], adapters + head);
  EXPECT_NEAR(lora["percent_of_base"].get<double>(),
              100.0 * static_cast<double>(adapters + head) / model["parameters"].get<double>(),
              1e-9);
  EXPECT_THAT(temper_output({"inspect", "model"}), HasSubstr("parameters by group"));
  EXPECT_THAT(refusal({"inspect", "model", "--lora-target-modules", "qproj"}),
              names("\"qproj\"", "\"q_proj\""));
  EXPECT_THAT(refusal({"inspect", "model", "--lora-r", "0"}), names("--lora-r"));
}

TEST_F(InspectTest, adapter_beside_its_base) {
  write_model_config();
  write_dataset(20);
  temper_output({"new-model", "--config", "base/config.json", "--tokenizer", "base/tokenizer.json",
                 "-o", "model"});
  write("run.yaml",
        "base_model: model\ndatasets: [{path: train.h5}]\nmax_steps: 1\noutput_dir: out\n"
        "adapter: lora\nlora_r: 4\nlora_target_modules: [q_proj]\n");
  temper_output({"train", "run.yaml"});
  temper_output({"export", "out", "-o", "adapter"});
  const Json report = temper_json({"inspect", "adapter", "--json"});
  EXPECT_EQ(report["kind"], "adapter");
  EXPECT_EQ(report["parameters"], 2 * 4 * (32 + 32));
  EXPECT_EQ(report["beside_its_base"]["trainable_parameters"], report["parameters"]);
  EXPECT_EQ(report["base_hash"].get<std::string>().size(), 32u);
  EXPECT_THAT(refusal({"inspect", "adapter", "--lora-r", "4"}), names("--lora-", "models"));
  std::filesystem::rename(folder() / "model", folder() / "moved");
  EXPECT_EQ(temper_json({"inspect", "adapter", "--json"})["base_is_there"], false);
}

TEST_F(InspectTest, neither_this_nor_that) {
  write("folder/file", "x");
  EXPECT_THAT(refusal({"inspect", "folder"}),
              names("folder", "config.json", "adapter_config.json", "commit.json", "run.json"));
  EXPECT_THAT(refusal({"inspect", "nothing"}), names("nothing", "no such file"));
  EXPECT_THAT(refusal({"inspect", "folder/file"}), names("folder/file"));
}

TEST_F(InspectTest, unfinished_checkpoint_is_not_complete) {
  write("out/step-3.abc.partial/rank-00000-of-00001.safetensors", "x");
  write("out/step-4/rank-00000-of-00001.safetensors", "x");
  for (const char* name : {"out/step-3.abc.partial", "out/step-4"}) {
    const Json report = temper_json({"inspect", name, "--json"});
    EXPECT_EQ(report["kind"], "checkpoint");
    EXPECT_EQ(report["complete"], false) << name;
    EXPECT_NE(report["problem"], "");
  }
}

TEST_F(InspectTest, run_directory_and_status) {
  RunStatus status;
  status.state = RunState::kTraining;
  status.attempt = "a1";
  status.step = 12;
  status.max_steps = 200;
  status.loss = 2.5;
  std::filesystem::create_directory(folder() / "out");
  write_run_status(RunDirectory(folder() / "out").status_path(), status);
  write("out/step-4/rank-00000-of-00001.safetensors", "x");

  const Json report = temper_json({"inspect", "out", "--json"});
  EXPECT_EQ(report["kind"], "run");
  EXPECT_TRUE(report["latest"].is_null());
  EXPECT_EQ(report["status"]["step"], 12);
  EXPECT_EQ(report["checkpoints"][0]["complete"], false);

  EXPECT_EQ(temper_json({"status", "out", "--json"})["state"], "training");
  EXPECT_THAT(temper_output({"status", "out"}), HasSubstr("max steps"));
  EXPECT_THAT(refusal({"status", "elsewhere"}), names("elsewhere"));
}

}  // namespace
}  // namespace temper
