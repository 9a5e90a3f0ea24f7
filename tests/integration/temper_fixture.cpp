#include "temper_fixture.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/fixtures/byte_tokenizer.h"
#include "tests/fixtures/llama_json.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

std::string byte_tokenizer() {
  ByteTokenizer tokenizer;
  tokenizer.splits_words = tokenizer.trims_offsets = true;
  return byte_tokenizer_json(tokenizer);
}

Json tiny_llama() {
  return with(llama_json(258, 32, 64), {{"rope_theta", 10000.0},
                                        {"hidden_act", "silu"},
                                        {"initializer_range", 0.02},
                                        {"tie_word_embeddings", false},
                                        {"bos_token_id", 256},
                                        {"eos_token_id", 257}});
}

}  // namespace

TemperFixture::TemperFixture() {
  std::string pattern = (fs::temp_directory_path() / "temper_test_XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
  folder_ = pattern;
}

TemperFixture::~TemperFixture() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

fs::path TemperFixture::write(const std::string& name, std::string_view content) const {
  const fs::path path = folder() / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string TemperFixture::read(const std::string& name) const {
  return read_file(folder() / name);
}

bool TemperFixture::exists(const std::string& name) const {
  return fs::exists(folder() / name);
}

std::vector<std::string> TemperFixture::listing() const {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder())) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

ProgramRun TemperFixture::temper(const std::vector<std::string>& arguments, std::string_view input,
                                 const std::map<std::string, std::string>& environment) const {
  std::vector<std::string> command = {TEMPER_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  ProcessOptions options;
  options.directory = folder().string();
  options.environment = environment;
  CapturedProcess run = run_captured(command, input, options, std::chrono::minutes(4));
  EXPECT_FALSE(run.timed_out);
  return {run.status.shell_code(), run.standard_output, run.standard_error};
}

std::string TemperFixture::temper_output(const std::vector<std::string>& arguments,
                                         std::string_view input) const {
  const ProgramRun run = temper(arguments, input);
  EXPECT_EQ(run.exit_code, kExitDone) << run.err;
  return run.out;
}

Json TemperFixture::temper_json(const std::vector<std::string>& arguments) const {
  return parse_json(temper_output(arguments), "output of temper");
}

pid_t TemperFixture::start_temper(const std::string& name,
                                  const std::vector<std::string>& arguments,
                                  const std::map<std::string, std::string>& environment) const {
  std::vector<std::string> command = {TEMPER_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const auto open_for_writing = [&](const std::string& suffix) {
    return FileDescriptor(
        open((folder() / (name + suffix)).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  };
  const FileDescriptor out = open_for_writing(".out");
  const FileDescriptor err = open_for_writing(".err");
  ProcessOptions options;
  options.directory = folder().string();
  options.environment = environment;
  options.standard_output = out.get();
  options.standard_error = err.get();
  options.death_signal = SIGKILL;
  return start_process(command, options);
}

fs::path TemperFixture::write_tokenizer() const {
  return write("tokenizer.json", byte_tokenizer());
}

fs::path TemperFixture::write_model_config() const {
  write("base/config.json", tiny_llama().dump(2));
  write("base/tokenizer.json", byte_tokenizer());
  return folder() / "base";
}

fs::path TemperFixture::write_corpus(int num_records, const std::string& name) const {
  std::ostringstream lines;
  for (int i = 0; i < num_records; ++i) {
    lines << Json{{"prompt", fmt::format("What is number {}?", i)},
                  {"completion", fmt::format("It is {}.", i * 7)}}
                 .dump()
          << "\n";
  }
  return write(name, lines.str());
}

fs::path TemperFixture::write_dataset(int num_records, int sequence_len,
                                      const std::string& stem) const {
  write_tokenizer();
  write_corpus(num_records, stem + ".jsonl");
  temper_output({"pack", stem + ".jsonl", "-o", stem + ".h5", "--tokenizer", "tokenizer.json",
                 "--sequence-len", std::to_string(sequence_len)});
  return folder() / (stem + ".h5");
}

fs::path TemperFixture::write_run_yaml(const std::string& more) const {
  return write("run.yaml",
               "base_model: base\ndatasets: [{path: train.h5}]\noutput_dir: out\n" + more);
}

std::string error_message(const ProgramRun& run) {
  static const std::string kPrefix = "temper: error: ";
  const bool one_line = !run.err.empty() && run.err.find('\n') == run.err.size() - 1;
  EXPECT_TRUE(one_line && run.err.starts_with(kPrefix)) << run.err;
  if (run.err.size() <= kPrefix.size()) return "";
  return run.err.substr(kPrefix.size(), run.err.size() - kPrefix.size() - 1);
}

}  // namespace temper
