// `temper pack`: a corpus becomes a packed dataset, and every record and token is accounted for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/hash.h"
#include "data/corpus/skipped_records.h"
#include "data/hygiene/corpus_options.h"
#include "data/hygiene/hygiene.h"
#include "data/packing/example_encoder.h"
#include "io/json.h"
#include "text/tokenizer/special_tokens.h"

namespace temper {

struct PackOptions {
  CorpusOptions corpus;
  std::filesystem::path output;
  std::filesystem::path tokenizer;  // a tokenizer.json, or a model directory that has one
  // What ChatTemplate::find takes.
  std::string chat_template;
  OrderedJson template_variables = OrderedJson::object();  // tools, enable_thinking, ...
  // What a template that asks for the date is told, "2026-11-30"; empty: today.
  std::string date;
  SupervisionOptions supervision;
  int64_t sequence_len = 0;
  OverlongPolicy overlong = OverlongPolicy::kError;
  SpecialTokenNames special_tokens;

  bool check_hygiene = true;
  HygieneOptions hygiene;
  std::filesystem::path decisions;          // made by `temper check` for this corpus; empty: none
  std::filesystem::path validation_output;  // empty: OUTPUT-val.h5
  // The part of the corpus to pack: records whose number (from 0) is shard_index modulo num_shards.
  // With several shards the output "train.h5" becomes "train-00002-of-00008.h5".
  int64_t shard_index = 0, num_shards = 1;
};

struct PackReport {
  struct Source {
    std::string name;
    CorpusFormat format = CorpusFormat::kAuto;  // as given or detected; kAuto for an empty file
    CorpusContainer container = CorpusContainer::kJsonLines;
    int64_t num_records = 0;
  };
  std::filesystem::path output;
  std::vector<Source> sources;
  std::string chat_template, bos, eos;
  std::string date;  // that the template was told; empty when it does not ask
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

  int64_t personal_data_masked = 0;  // matches
  SkippedRecords skipped;            // among records_dropped as "unreadable"
  std::optional<HygieneReport> hygiene;
  std::shared_ptr<PackReport> validation;  // of the validation set, where there is one

  double seconds = 0;

  double useful_token_ratio() const;     // tokens that are not padding, of all in the rows
  double supervised_kept_share() const;  // tokens_supervised / tokens_supervised_in
  // The account, without what differs between two packings of the same corpus.
  OrderedJson statistics() const;
  OrderedJson to_json() const;  // for --json
  std::string to_text() const;  // several lines for a person
};

// One pass over the corpus, which also looks after hygiene; two when hygiene decides about records
// (HygieneOptions::decides()) and its decisions are not given. Memory: the packing window (about
// 25 MB), the batches under way (data/corpus/corpus_pipeline.h), buffers of 16 MiB, and of hygiene
// what data/hygiene/hygiene.h says. UserError: a record that cannot be read (unless they are
// skipped) or is too long (file, line and what to do), a closed gate, no records, no supervised
// tokens at all, decisions for another corpus. Nothing is left under the output's name then.
PackReport pack_corpus(const PackOptions& options);

// Where the rows of this shard, or of its validation set, go.
std::filesystem::path pack_output_path(const PackOptions& options, bool validation);

}  // namespace temper
