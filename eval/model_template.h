// Finds the chat template that a model is asked with, and from where it is known. What its
// conversations were trained with is kept with every checkpoint and export, and nothing else is
// taken in its place without a word.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "io/json.h"
#include "run/checkpoint/commit_record.h"
#include "text/chat/chat_template.h"

namespace temper {

struct ModelTemplate {
  std::optional<ChatTemplate> chat_template;   // nothing: raw text. Has the kwargs.
  OrderedJson kwargs = OrderedJson::object();  // variables that it gets besides
  std::string origin;                          // for people: where it is known from

  std::string name() const { return chat_template ? chat_template->name() : ""; }
  // One line: the template, where it is known from, its kwargs.
  std::string description() const;
};

// What the command line says; empty where it says nothing.
struct TemplateRequest {
  std::string name;  // what ChatTemplate::find takes, or "none"
  std::optional<OrderedJson> kwargs;
};

// Finds that of a checkpoint at `place`. UserError when the request names another template than the
// record.
ModelTemplate template_of_checkpoint(const CommitRecord& record, const std::string& place,
                                     const std::filesystem::path& base,
                                     const TemplateRequest& request);
// Finds that of a Hugging Face directory, with or without a PEFT adapter (else empty): what the
// report of its export says, or the model's own. UserError when the request names another than the
// report.
ModelTemplate template_of_directories(const std::filesystem::path& model,
                                      const std::filesystem::path& adapter,
                                      const TemplateRequest& request);

}  // namespace temper
