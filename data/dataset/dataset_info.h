// What is known of a packed dataset without reading its rows: counts, hashes, and how its
// conversations were rendered. The same on every rank of a run, whichever of them opened the file.
#pragma once

#include <cstdint>
#include <string>

#include "common/hash.h"
#include "io/json.h"

namespace temper {

struct DatasetInfo {
  int64_t format_version = 0;
  int64_t num_rows = 0;
  int64_t sequence_len = 0;
  int64_t num_documents = 0;
  int64_t num_dropped = 0;  // records that are in no row
  int64_t num_supervised_targets = 0;
  int64_t num_tokens = 0;  // real ones, without padding
  int64_t vocab_size = 0;  // of the tokenizer: every token is below
  int64_t pad_token = 0;
  int64_t shard_index = 0, num_shards = 1;
  Hash128 tokenizer_hash;
  // Whether any record was a conversation; raw texts are packed with a template's name, too, which
  // says nothing then.
  bool has_conversations = false;
  std::string chat_template;         // as ChatTemplate::find took it
  std::string chat_template_source;  // its Jinja text; empty in files from before it was kept
  std::string chat_template_kwargs;  // its further variables as JSON text; empty: none
  Hash128 chat_template_hash;        // of the Jinja text
  Hash128 settings_hash;             // shards of one dataset were packed with the same settings
  Hash128 content_hash;              // over all rows: which data this is

  bool operator==(const DatasetInfo&) const = default;
};

// Every member, for another rank of the same run.
Json dataset_info_to_json(const DatasetInfo& info);
DatasetInfo dataset_info_from_json(const Json& json);

}  // namespace temper
