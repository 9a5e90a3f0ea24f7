// What a run records does not depend on how many ranks it had: commit records, the run's identity,
// metrics, what an export says and what the model answers are compared whole, field by field, but
// for the fields named here.
#include <gmock/gmock.h>

#include <map>

#include "io/atomic_file.h"
#include "training_fixture.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

using Fields = std::vector<std::string>;

// By place: a file, or the event of a line of metrics.jsonl. First what is about ranks, then what
// is about one start: its names, its times.
const std::map<std::string, std::pair<Fields, Fields>>& fields_that_may_differ() {
  static const std::map<std::string, std::pair<Fields, Fields>> fields = {
      {"commit.json", {{"world_size", "files"}, {"run_id", "record_hash"}}},
      {"run.json", {{}, {"run_id", "record_hash"}}},
      {"export_report.json", {{}, {"run_id"}}},
      {"eval", {{}, {}}},
      {"start", {{"ranks"}, {"attempt", "hash_seconds", "load_seconds"}}},
      {"memory_plan",
       {{"rank", "rank_bytes", "node_bytes", "shared_memory_bytes"}, {"available_bytes"}}},
      {"step", {{}, {"seconds", "data_wait_seconds", "memory_bytes"}}},
      {"save", {{"bytes"}, {"seconds", "stall_seconds", "write_seconds", "bytes_per_second"}}},
      {"ranks", {{"ranks"}, {}}}};
  return fields;
}

Json without_them(Json json, const std::string& place) {
  const auto found = fields_that_may_differ().find(place);
  if (found != fields_that_may_differ().end()) {
    for (const Fields* fields : {&found->second.first, &found->second.second}) {
      for (const std::string& field : *fields) json.erase(field);
    }
  }
  json.erase("time");
  return json;
}

// Where two documents differ, by JSON pointer; empty: nowhere.
std::string difference(const Json& a, const Json& b) {
  std::string text;
  for (const Json& change : Json::diff(a, b)) {
    text += change.value("op", "") + " " + change.value("path", "") + "\n";
  }
  return text;
}

struct Case {
  std::string name;
  std::string yaml;
  bool is_lora = false;
  std::string template_name;  // that must be recorded; empty: none
};

void PrintTo(const Case& its, std::ostream* out) {
  *out << its.name;
}

class RankRecordsTest : public TrainingFixture, public testing::WithParamInterface<Case> {
 protected:
  RankRecordsTest() {
    write("texts.jsonl", R"({"text": "An old oak stood by the river and said nothing at all."})"
                         "\n"
                         R"({"text": "A young oak stood by the road and said nothing either."})"
                         "\n");
    temper_output(
        {"pack", "texts.jsonl", "-o", "texts.h5", "--model", "model", "--sequence-len", "64"});
    write("moody.jinja",
          "{{ mood }}|{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}"
          "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}");
    temper_output({"pack", "train.jsonl", "-o", "moody.h5", "--model", "model", "--sequence-len",
                   "64", "--chat-template", "moody.jinja", "--chat-template-kwargs",
                   R"({"mood": "calm", "a": 1})"});
    // The dataset knows its template.
    std::filesystem::remove(folder() / "moody.jinja");
    write_dataset(12, 64, "unseen");
    write("adapter.yaml",
          "base_model: model\ndatasets: [{path: train.h5}]\nglobal_batch_size: 4\nmax_steps: 1\n"
          "adapter: lora\nlora_r: 4\noutput_dir: earlier\n");
    write("run.yaml",
          "base_model: model\nglobal_batch_size: 4\nlearning_rate: 1e-3\nlogging_steps: 1\n"
          "max_steps: 4\nsave_steps: 2\neval_steps: 2\noutput_dir: out\n"
          "test_datasets: [{path: unseen.h5}]\ngeneral_datasets: [{path: texts.h5}]\n" +
              GetParam().yaml);
    if (GetParam().yaml.find("lora_model_dir") == std::string::npos) return;
    temper_output({"train", "adapter.yaml"});
    temper_output({"export", "earlier", "-o", "adapter"});
  }

  // Everything that the run leaves, by place.
  std::map<std::string, Json> records_of(int num_ranks) {
    SCOPED_TRACE(num_ranks);
    for (const char* made : {"out", "exported"}) std::filesystem::remove_all(folder() / made);
    const ProgramRun run = temper({"train", "run.yaml", "--nproc", std::to_string(num_ranks)});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    std::map<std::string, Json> records;
    for (const char* step : {"2", "4"}) {
      const std::string name = fmt::format("out/step-{}/commit.json", step);
      records[name] = without_them(parse_json(read(name), name), "commit.json");
      EXPECT_EQ(parse_json(read(name), name)["world_size"], num_ranks);
    }
    records["run.json"] = without_them(parse_json(read("out/run.json"), "run.json"), "run.json");
    // Event by event: when a background save is done is a matter of time.
    for (const Json& line : metrics("out")) {
      Json& lines = records["metrics " + line["event"].get<std::string>()];
      lines.push_back(without_them(line, line["event"]));
    }
    std::vector<std::string> arguments = {"export", "out/step-4", "-o", "exported", "--json"};
    if (GetParam().is_lora) arguments.emplace_back("--merge");
    records["export"] = without_them(temper_json(arguments), "export_report.json");
    records["export"]["source"].erase("run_id");
    const ProgramRun asked =
        temper({"generate", "out/step-4", "--prompt", "q1", "--max-new-tokens", "8"});
    EXPECT_EQ(asked.exit_code, 0) << asked.err;
    EXPECT_THAT(asked.err, HasSubstr("chat template: "));
    records["answer"] = Json{{"out", asked.out}, {"template", asked.err}};
    return records;
  }
};

TEST_P(RankRecordsTest, are_the_same_on_any_number_of_ranks) {
  const std::map<std::string, Json> expected = records_of(1);
  EXPECT_GE(expected.size(), 9u);
  for (const auto& [place, record] : expected) EXPECT_FALSE(record.empty()) << place;
  const Json& recorded = expected.at("out/step-4/commit.json").at("chat_template");
  const std::filesystem::path name = recorded.is_null() ? "" : recorded["name"];
  EXPECT_EQ(name.filename(), GetParam().template_name);
  EXPECT_EQ(expected.at("export").value("chat_template", ""), name);
  for (const int num_ranks : {2, 3, 4}) {
    const std::map<std::string, Json> found = records_of(num_ranks);
    EXPECT_EQ(found.size(), expected.size());
    for (const auto& [place, record] : expected) {
      ASSERT_TRUE(found.contains(place)) << place << " on " << num_ranks << " ranks";
      EXPECT_EQ(difference(record, found.at(place)), "")
          << place << " on " << num_ranks << " ranks";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Runs, RankRecordsTest,
    testing::Values(
        Case{"conversations", "datasets: [{path: train.h5}]\n", false, "plain"},
        Case{"raw_text", "datasets: [{path: texts.h5}]\n", false, ""},
        Case{"mixture", "datasets: [{path: texts.h5, weight: 2}, {path: train.h5, weight: 0.5}]\n",
             false, "plain"},
        Case{"template_kwargs", "datasets: [{path: moody.h5}]\n", false, "moody.jinja"},
        Case{"lora", "datasets: [{path: train.h5}]\nadapter: lora\nlora_r: 4\n", true, "plain"},
        Case{"adapter_gone_on_with",
             "datasets: [{path: moody.h5}]\nadapter: lora\nlora_model_dir: adapter\n", true,
             "moody.jinja"}),
    [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace temper
