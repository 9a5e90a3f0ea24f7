// `temper pack`: a corpus becomes a packed dataset, and every record and token is accounted for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/hash.h"
#include "data/corpus_reader.h"
#include "data/example_encoder.h"
#include "data/special_tokens.h"
#include "io/json.h"

namespace temper {

struct PackOptions {
  std::vector<std::filesystem::path> inputs;  // JSON lines, plain, .gz or .zst; "-": standard input
  std::filesystem::path output;
  std::filesystem::path tokenizer;  // a tokenizer.json, or a model directory that has one
  // What ChatTemplate::find takes.
  std::string chat_template;
  OrderedJson template_variables = OrderedJson::object();  // tools, enable_thinking, ...
  SupervisionOptions supervision;
  int64_t sequence_len = 0;
  CorpusFormat format = CorpusFormat::kAuto;
  OverlongPolicy overlong = OverlongPolicy::kError;
  SpecialTokenNames special_tokens;
  int num_workers = 0;  // threads that tokenise; 0: one per core. The output does not depend on it
};

struct PackReport {
  struct Source {
    std::string name;
    CorpusFormat format = CorpusFormat::kAuto;  // as given or detected; kAuto for an empty file
    int64_t num_records = 0;
  };
  std::filesystem::path output;
  std::vector<Source> sources;
  std::string chat_template, bos, eos;
  int64_t sequence_len = 0;
  Hash128 tokenizer_hash, content_hash;

  int64_t num_rows = 0;
  int64_t num_documents = 0;

  int64_t records_in = 0;
  int64_t records_packed = 0;
  std::map<std::string, int64_t> records_dropped;  // by reason
  int64_t records_over_length = 0;  // longer than sequence_len, whatever became of them
  int64_t records_truncated = 0;
  int64_t records_split = 0;  // raw texts in several pieces
  int64_t longest_record_tokens = 0;

  int64_t tokens_in = 0;  // of all records after rendering, special tokens included
  int64_t tokens_supervised = 0;
  int64_t tokens_context = 0;
  int64_t tokens_padding = 0;
  int64_t tokens_lost_truncated = 0;
  int64_t tokens_lost_dropped = 0;
  int64_t tokens_supervised_in = 0;  // what the records wanted to train
  int64_t tokens_straddling = 0;     // across the beginning of an answer

  double seconds = 0;

  double useful_token_ratio() const;     // tokens that are not padding, of all in the rows
  double supervised_kept_share() const;  // tokens_supervised / tokens_supervised_in
  // The account, without what differs between two packings of the same corpus.
  OrderedJson statistics() const;
  OrderedJson to_json() const;  // for --json
  std::string to_text() const;  // several lines for a person
};

// Memory: the packing window (about 25 MB), the batches under way (each worker two, of 64 records
// or 1 MiB of JSON, or one longer record) and 40 bytes per document or row. UserError: a record
// that cannot be read or is too long (file, line and what to do), no records, no supervised tokens
// at all. Nothing is left under the output's name then.
PackReport pack_corpus(const PackOptions& options);

}  // namespace temper
