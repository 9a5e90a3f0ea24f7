#include "eval/model_loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "eval/evaluation.h"
#include "export/model_export.h"
#include "export/probe.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/export/tiny_run.h"

namespace temper {
namespace {

using ::testing::ElementsAre;

namespace fs = std::filesystem;

std::string error_of(const ModelRequest& request) {
  return error_text<UserError>([&] { const ModelLoader loader(request); });
}

at::Tensor logits_of(const ResidentModel& model) {
  return model.logits(make_prompt_batch({{256, 1, 2, 3, 4, 5, 6, 7}}));
}

void export_run(const TinyRun& world, const fs::path& output, bool merge) {
  const FineTunedModel tuned(world.checkpoint());
  ExportSource source;
  source.base_directory = tuned.base_directory();
  source.config = tuned.config();
  source.lora = tuned.lora();
  source.weights = &tuned.weights();
  source.provenance = {{"base_hash", tuned.record().base_hash.hex()}};
  ExportOptions options;
  options.output = output;
  options.merge = merge;
  options.chat_template = tuned.record().chat_template->name;
  options.chat_template_kwargs = tuned.record().chat_template->kwargs;
  export_model(source, options);
}

TEST(ModelLoader, finds_the_same_model_by_every_path) {
  const TinyRun world({false, true});
  export_run(world, world.root() / "adapter", false);
  export_run(world, world.root() / "merged", true);
  const ModelLoader by_run({.path = world.run()});
  const at::Tensor expected = logits_of(by_run.load());
  const at::Tensor base = logits_of(by_run.load_base());
  EXPECT_GT((expected - base).abs().max().item<float>(), 1e-2);
  EXPECT_TRUE(by_run.has_base());

  const std::vector<ModelRequest> requests = {
      {.path = world.checkpoint()},
      {.path = world.root() / "adapter"},
      {.model = world.base(), .adapter = world.root() / "adapter"},
      {.path = world.root() / "merged"},
      {.model = world.root() / "merged"},
  };
  for (const ModelRequest& request : requests) {
    const ModelLoader loader(request);
    EXPECT_LT((logits_of(loader.load()) - expected).abs().max().item<float>(), 1e-4)
        << loader.name();
    EXPECT_EQ(loader.chat_template().name(), "chatml") << loader.name();
    EXPECT_THAT(loader.stop_conditions().token_ids, ElementsAre(257, 259)) << loader.name();
    if (!loader.has_base()) continue;
    EXPECT_TRUE(at::equal(logits_of(loader.load_base()), base)) << loader.name();
  }
}

std::string rendered(const ModelRequest& request) {
  return ModelLoader(request).prompts().encode({{"user", "A"}}).text;
}

constexpr const char* kMoody = "{% for m in messages %}{{ m.content }}{{ mood }}{% endfor %}";

TEST(ModelLoader, takes_the_recorded_template_and_no_other) {
  const TinyRun world({.lora = true});
  fs::remove(world.dataset());  // the checkpoint knows
  EXPECT_EQ(ModelLoader({.path = world.run()}).chat_template().name(), "chatml");
  EXPECT_EQ(ModelLoader({.path = world.run(), .chat_template = {"chatml", {}}}).name(),
            world.checkpoint());
  for (const char* other : {"plain", "none"}) {
    EXPECT_THAT(error_of({.path = world.run(), .chat_template = {other, {}}}),
                names(other, "'chatml'", "step-2"));
  }
  const ModelLoader base({.model = world.base()});
  EXPECT_EQ(base.chat_template().name(), "");
  EXPECT_THAT(base.chat_template().description(), names("raw text"));
  export_run(world, world.root() / "adapter", false);
  EXPECT_THROW(ModelLoader({.path = world.root() / "adapter", .chat_template = {"plain", {}}}),
               UserError);
}

TEST(ModelLoader, raw_texts_allow_any_template) {
  const TinyRun world({.lora = true, .chat_template = {}});
  EXPECT_EQ(ModelLoader({.path = world.run()}).chat_template().name(), "");
  EXPECT_EQ(
      ModelLoader({.path = world.run(), .chat_template = {"plain", {}}}).chat_template().name(),
      "plain");
}

// A checkpoint comes from anywhere: the name in it is a label, never a path to read.
TEST(ModelLoader, a_record_s_template_name_opens_no_file) {
  const TinyRun elsewhere({.lora = true});
  const fs::path secret = elsewhere.root() / "secret";
  write_file_atomically(secret, "{{ 'the secret' }}");
  const TinyRun with_text({.lora = true, .chat_template = {secret.string(), kMoody, ""}});
  EXPECT_EQ(rendered({.path = with_text.run()}), "A");
  const TinyRun without({.lora = true, .chat_template = {secret.string(), "", ""}});
  EXPECT_THAT(error_of({.path = without.run()}), names(secret.string(), "--chat-template"));
  // The same of the report of an export.
  export_run(with_text, with_text.root() / "adapter", false);
  EXPECT_THAT(error_of({.path = with_text.root() / "adapter"}), names(secret.string()));
}

TEST(ModelLoader, refuses_a_base_whose_template_has_become_another) {
  const TinyRun world({.lora = true, .chat_template = {"model", kMoody, R"({"mood": "!"})"}});
  EXPECT_EQ(rendered({.path = world.run()}), "A!");  // the base has none of its own
  const fs::path own = world.base() / "chat_template.jinja";
  write_file_atomically(own, kMoody);
  EXPECT_EQ(rendered({.path = world.run()}), "A!");
  write_file_atomically(own, "{{ 'another' }}");
  EXPECT_THAT(error_of({.path = world.run()}), names(world.base().string(), "--model"));
}

TEST(ModelLoader, finds_the_template_file_that_an_export_brought) {
  const TinyRun world({false, true});
  export_run(world, world.root() / "adapter", false);
  const fs::path report = world.root() / "adapter" / kExportReportFile;
  Json json = read_json_file(report);
  json["chat_template"] = "/of/another/machine.jinja";
  write_file_atomically(report, json.dump());
  write_file_atomically(world.root() / "adapter" / "chat_template.jinja",
                        "{% for m in messages %}{{ m.content }}|{% endfor %}");
  EXPECT_EQ(rendered({.path = world.root() / "adapter"}), "A|");
}

TEST(ModelLoader, gives_the_template_the_kwargs_of_the_record_that_names_it) {
  const TinyRun world(
      {.lora = true, .chat_template = {"moody.jinja", kMoody, R"({"mood": "b", "a": 1})"}});
  EXPECT_EQ(rendered({.path = world.run()}), "Ab");
  const ModelRequest other = {.path = world.run(),
                              .chat_template = {"", OrderedJson{{"mood", "c"}}}};
  EXPECT_EQ(rendered(other), "Ac");
  EXPECT_THAT(ModelLoader(other).chat_template().description(), names("kwargs"));
  EXPECT_EQ(rendered({.path = world.run(), .chat_template = {"", OrderedJson::object()}}), "A");

  const ModelLoader tuned({.path = world.run()});
  EXPECT_EQ(tuned.chat_template().kwargs.dump(), R"({"mood":"b","a":1})");
  export_run(world, world.root() / "adapter", false);
  write_file_atomically(world.root() / "adapter" / "chat_template.jinja", kMoody);
  const ModelLoader exported({.path = world.root() / "adapter"});
  EXPECT_EQ(exported.chat_template().kwargs, tuned.chat_template().kwargs);
}

// Records of format version 1 say nothing where more than one rank trained.
TEST(ModelLoader, warns_when_an_old_record_does_not_know) {
  CommitRecord record;
  record.format_version = 1;
  testing::internal::CaptureStderr();
  (void)template_of_checkpoint(record, "runs/old/step-4", "base", {"plain", {}});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStderr();
  const ModelTemplate found = template_of_checkpoint(record, "runs/old/step-4", "base", {});
  EXPECT_THAT(testing::internal::GetCapturedStderr(), names("runs/old/step-4", "--chat-template"));
  EXPECT_THAT(found.description(), names("not recorded"));
}

TEST(ModelLoader, stops_where_the_generation_config_says) {
  const TinyRun world({false, true});
  write_file_atomically(world.base() / "generation_config.json", R"({"eos_token_id": [33, 34]})");
  const ModelLoader loader({.path = world.run()});
  EXPECT_THAT(loader.stop_conditions().token_ids, ElementsAre(33, 34, 257, 259));
}

TEST(OpenDatasetFor, refuses_another_tokenizers_and_too_long_rows) {
  const TinyRun world({false, true});
  const auto error = [&](const ModelLoader& loader) -> std::string {
    try {
      open_held_out_set(loader, "name", world.dataset());
    } catch (const UserError& user_error) {
      return user_error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error(ModelLoader({.model = world.base()})), "no error");

  Json tokenizer = read_json_file(world.base() / "tokenizer.json");
  std::swap(tokenizer["model"]["vocab"]["a"], tokenizer["model"]["vocab"]["b"]);
  fs::copy(world.base(), world.root() / "other");
  write_file_atomically(world.root() / "other/tokenizer.json", tokenizer.dump());
  EXPECT_THAT(error(ModelLoader({.model = world.root() / "other"})),
              names("tokenizer", world.dataset().string(), (world.root() / "other").string()));

  Json config = read_json_file(world.base() / "config.json");
  config["max_position_embeddings"] = 127;
  fs::copy(world.base(), world.root() / "short");
  write_file_atomically(world.root() / "short/config.json", config.dump());
  EXPECT_THAT(error(ModelLoader({.model = world.root() / "short"})),
              names(world.dataset().string(), "128 tokens", "127"));
}

TEST(ModelLoader, refuses_what_does_not_fit_together) {
  const TinyRun world({false, true});
  EXPECT_THAT(error_of({}), names("--model DIR"));
  EXPECT_THAT(error_of({.path = world.run(), .adapter = world.run()}),
              names("--adapter", "--model", world.run().string()));
  EXPECT_THAT(error_of({.path = world.root()}),
              names(world.root().string() + ": ", "output_dir", "(step-N)"));

  export_run(world, world.root() / "adapter", false);
  write_tiny_model(world.root() / "other", false, 12);
  EXPECT_THAT(
      error_of({.model = world.root() / "other", .adapter = world.root() / "adapter"}),
      names((world.root() / "adapter").string() + ": ", (world.root() / "other").string(), "hash"));

  write_file_atomically(world.base() / "tokenizer.json", [&] {
    Json json = read_json_file(world.base() / "tokenizer.json");
    std::swap(json["model"]["vocab"]["a"], json["model"]["vocab"]["b"]);
    return json.dump();
  }());
  EXPECT_THAT(error_of({.path = world.run()}), names(world.base().string(), "tokenizer"));
}

TEST(ModelLoader, needs_the_base_of_an_adapter) {
  const TinyRun world({false, true});
  export_run(world, world.root() / "adapter", false);
  fs::rename(world.base(), world.root() / "elsewhere");
  EXPECT_THAT(error_of({.path = world.root() / "adapter"}),
              names("--model", (world.root() / "adapter").string(), world.base().string()));
  EXPECT_NO_THROW(
      ModelLoader({.path = world.root() / "adapter", .model = world.root() / "elsewhere"}));
}

}  // namespace
}  // namespace temper
