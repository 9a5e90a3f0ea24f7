#include "eval/model_template.h"

#include "arch/adapter_origin.h"
#include "common/error.h"
#include "common/log.h"
#include "io/atomic_file.h"
#include "text/jinja/runtime/budget.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTemplateFile = "chat_template.jinja";

std::string text_member(const Json& object, const char* key) {
  const Json value = object.is_object() ? object.value(key, Json()) : Json();
  return value.is_string() ? value.get<std::string>() : "";
}

// What an export's report says of its template; one of a file has come along as text.
std::optional<TemplateRecord> template_of_export(const fs::path& directory) {
  const Json report = read_export_report(directory);
  TemplateRecord record{text_member(report, "chat_template"), "",
                        text_member(report, "chat_template_kwargs")};
  if (record.name.empty()) return std::nullopt;
  const fs::path file = directory / kTemplateFile;
  if (!ChatTemplate::is_known_name(record.name) && fs::exists(file)) {
    record.source = read_file(file, kMaxJinjaSource);
  }
  return record;
}

class TemplateChoice {
 public:
  TemplateChoice(const fs::path& base, const TemplateRequest& request)
      : base_(base), request_(request) {}

  ModelTemplate recorded(const TemplateRecord& record, const std::string& place) const {
    ChatTemplate kept = ChatTemplate::recorded(record.name, record.source, base_, place);
    if (!request_.name.empty()) refuse_another(kept, place);
    return with_kwargs(std::move(kept), "recorded in " + place,
                       ChatTemplate::parse_variables(record.kwargs, place));
  }

  // Where nothing is recorded, the request decides, else the model's own template, else raw text.
  ModelTemplate unrecorded(const std::string& why) const {
    if (request_.name == "none") return {std::nullopt, OrderedJson::object(), "--chat-template"};
    if (!request_.name.empty()) {
      return with_kwargs(ChatTemplate::find(request_.name, base_), "--chat-template");
    }
    if (auto own = ChatTemplate::of_model(base_)) {
      return with_kwargs(*std::move(own), fmt::format("that of {}; {}", base_.string(), why));
    }
    return {std::nullopt, OrderedJson::object(), why};
  }

 private:
  void refuse_another(const ChatTemplate& kept, const std::string& place) const {
    const bool is_same = request_.name != "none" &&
                         ChatTemplate::find(request_.name, base_).source() == kept.source();
    if (is_same) return;
    throw UserError(
        "--chat-template {}: {} was trained on conversations in the chat template '{}', and is "
        "asked with it; leave --chat-template out",
        request_.name, place, kept.name());
  }

  ModelTemplate with_kwargs(ChatTemplate chosen, std::string origin,
                            OrderedJson kwargs = OrderedJson::object()) const {
    if (request_.kwargs && *request_.kwargs != kwargs) {
      kwargs = *request_.kwargs;
      origin += ", with --chat-template-kwargs";
    }
    chosen.set_variables(kwargs);
    return {std::move(chosen), std::move(kwargs), std::move(origin)};
  }

  const fs::path& base_;
  const TemplateRequest& request_;
};

}  // namespace

std::string ModelTemplate::description() const {
  if (!chat_template) return fmt::format("none, questions are raw text ({})", origin);
  const std::string with = kwargs.empty() ? "" : fmt::format(" with {}", kwargs.dump());
  return fmt::format("'{}'{} ({})", chat_template->name(), with, origin);
}

ModelTemplate template_of_checkpoint(const CommitRecord& record, const std::string& place,
                                     const fs::path& base, const TemplateRequest& request) {
  const TemplateChoice choice(base, request);
  if (record.chat_template) return choice.recorded(*record.chat_template, place);
  if (record.knows_template()) return choice.unrecorded("it was trained on raw texts");
  if (request.name.empty()) {
    log::warning(
        "{}: it was saved by an older temper, which did not always record the chat template of the "
        "conversations it was trained on; name it with --chat-template to be sure",
        place);
  }
  return choice.unrecorded("what it was trained with is not recorded");
}

ModelTemplate template_of_directories(const fs::path& model, const fs::path& adapter,
                                      const TemplateRequest& request) {
  const TemplateChoice choice(model, request);
  for (const fs::path& directory : {adapter, model}) {
    if (directory.empty()) continue;
    const auto record = template_of_export(directory);
    if (record) return choice.recorded(*record, directory.string());
  }
  return choice.unrecorded("no report of an export names another");
}

}  // namespace temper
