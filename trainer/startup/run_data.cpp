#include "trainer/startup/run_data.h"

#include "common/error.h"
#include "common/log.h"
#include "data/dataset/packed_dataset.h"
#include "io/json.h"
#include "text/chat/chat_template.h"

namespace temper {
namespace {

// Files from before the text was kept say its hash: what is found under the name now must have it.
std::string source_by_name(const PackedDataset& dataset, const std::filesystem::path& base_model) {
  const DatasetInfo& info = dataset.info();
  const std::string source = ChatTemplate::find(info.chat_template, base_model).source();
  if (hash_text(source) != info.chat_template_hash) {
    throw UserError(
        "{}: its conversations were packed with a chat template '{}' that is not there any more as "
        "it was; pack the corpus again",
        dataset.path().string(), info.chat_template);
  }
  return source;
}

TemplateRecord template_of(const PackedDataset& dataset, const std::filesystem::path& base_model) {
  const DatasetInfo& info = dataset.info();
  return {info.chat_template,
          info.chat_template_source.empty() ? source_by_name(dataset, base_model)
                                            : info.chat_template_source,
          info.chat_template_kwargs};
}

class TemplateFinder {
 public:
  explicit TemplateFinder(const std::filesystem::path& base_model) : base_model_(base_model) {}

  void look_at(const PackedDataset& dataset) {
    if (!dataset.info().has_conversations) return;
    TemplateRecord its = template_of(dataset, base_model_);
    if (!found_) {
      found_ = std::move(its);
      first_ = dataset.path().string();
    } else if (its != *found_) {
      log::warning(
          "datasets: {} was packed with chat template '{}', {} with '{}' or with other "
          "--chat-template-kwargs: evaluation, generation and export take those of the first",
          first_, found_->name, dataset.path().string(), its.name);
    }
  }
  std::optional<TemplateRecord> found() const { return found_; }

 private:
  const std::filesystem::path& base_model_;
  std::optional<TemplateRecord> found_;
  std::string first_;
};

}  // namespace

RunData find_run_data(const RunConfig& config) {
  RunData data;
  TemplateFinder finder(config.base_model);
  for (const auto* entries : {&config.datasets, &config.test_datasets, &config.general_datasets}) {
    for (const DatasetEntry& entry : *entries) {
      const PackedDataset dataset(entry.path);
      if (entries == &config.datasets) finder.look_at(dataset);
      data.datasets[entry.path.native()] = dataset.share();
    }
  }
  data.chat_template = finder.found();
  return data;
}

std::string RunData::to_text() const {
  // A member that is added does not compile until it is shared, too.
  const auto& [its_datasets, its_template] = *this;
  Json json = {{"datasets", its_datasets}, {"chat_template", nullptr}};
  if (its_template) {
    const auto& [name, source, kwargs] = *its_template;
    json["chat_template"] = Json::array({name, source, kwargs});
  }
  return json.dump();
}

RunData RunData::from_text(const std::string& text) {
  const Json json = parse_json(text, "the data of the run as rank 0 found it");
  RunData data;
  json.at("datasets").get_to(data.datasets);
  const Json& its = json.at("chat_template");
  if (!its.is_null()) data.chat_template = {its.at(0), its.at(1), its.at(2)};
  return data;
}

}  // namespace temper
