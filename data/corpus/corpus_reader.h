// Records of a corpus: files of JSON lines, JSON arrays, CSV, TSV or plain text, each as it is,
// gzip or zstd, read in one pass (data/corpus/record_source.h says which file is taken for what).
//
//   format             keys of a record                       becomes
//   chat               messages: [{role, content}], [tools]   the messages
//   sharegpt           conversations: [{from, value}], [tools]  human/user, gpt/assistant, system
//   prompt-completion  prompt, completion                     a user and an assistant message
//   alpaca             instruction, input, output, [system]   user "instruction\n\ninput",
//                                                             and assistant
//   text               text                                   raw text, all of it to be learnt
//
// `tools` are what a template shows as the functions that may be called: a list of objects, or a
// text that is such a list as JSON. Other keys are ignored. Columns of a CSV file are keys.
// ColumnNames gives keys other names. An error names the file, the record's number and the key,
// never a value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/hash.h"
#include "data/corpus/record_source.h"
#include "text/chat/chat_template.h"

namespace temper {

enum class CorpusFormat { kAuto, kChat, kShareGpt, kPromptCompletion, kAlpaca, kText };

// "auto", "chat", "sharegpt", "prompt-completion", "alpaca", "text"; UserError otherwise.
CorpusFormat corpus_format_named(const std::string& name);
std::string corpus_format_name(CorpusFormat format);
std::vector<std::string> corpus_format_names();

struct Record {
  std::vector<Message> messages;
  std::string text;  // used when there are no messages
  bool is_text = false;
  OrderedJson tools = nullptr;  // a list of objects in the record's order, or null
  std::string group = {};       // the value of ColumnNames::group_by
  std::string topic = {};       // the value of ColumnNames::topic
};

// One record as it lies in the file.
struct CorpusLine {
  int64_t ordinal = 0;                        // among all records of the corpus, from 0
  int32_t source = 0;                         // index into CorpusReader::sources()
  int64_t line_number = 0;                    // SourceRecord::number, from 1
  CorpusFormat format = CorpusFormat::kText;  // kAuto while no record of the file was understood
  std::string json;
  std::string problem;  // of SourceRecord
};

// Names of keys that differ from those above.
struct ColumnNames {
  std::map<std::string, std::string> columns;  // "prompt" -> "question"
  // Keys with a text, number or boolean for Record::group and Record::topic; empty: none.
  std::string group_by, topic;

  // From "prompt=question". UserError: no "=", an unknown key before it.
  void add(const std::string& text);
};

// Where a record of a file is, for messages: "train.jsonl:17".
std::string corpus_place(const std::string& source, int64_t line_number);

// UserError when the text is not such a record. kAuto detects.
Record parse_record(std::string_view json, CorpusFormat format, const std::string& place,
                    const ColumnNames& names = {});
// The same of a line; also a UserError when the line has a problem.
Record parse_line(const CorpusLine& line, const std::string& place, const ColumnNames& names);

class CorpusReader {
 public:
  // Directories and patterns are allowed (data/corpus/corpus_files.h); "-" is standard input.
  // UserError when none is given or found.
  CorpusReader(const std::vector<std::filesystem::path>& inputs, CorpusFormat format,
               ColumnNames names = {});

  // The next record; false at the end of the last file. With kAuto the first record of each file
  // that has known keys decides for the file: the first of messages, conversations, prompt +
  // completion, instruction + output, text that it has. UserError of RecordSource.
  bool next(CorpusLine& line);

  const std::vector<std::string>& sources() const { return sources_; }
  // What each file was taken for; kAuto for files that are not reached yet or empty.
  const std::vector<CorpusFormat>& formats() const { return formats_; }
  const std::vector<CorpusContainer>& containers() const { return containers_; }
  std::string place(const CorpusLine& line) const {
    return corpus_place(sources_[static_cast<size_t>(line.source)], line.line_number);
  }
  // Over the texts of the records so far: which corpus this is, whatever its files are called.
  Hash128 hash() const { return hasher_.digest(); }

 private:
  bool open_next_file();

  std::vector<std::filesystem::path> inputs_;
  std::vector<std::string> sources_;
  std::vector<CorpusFormat> formats_;
  std::vector<CorpusContainer> containers_;
  ColumnNames names_;
  int32_t source_ = -1;
  int64_t ordinal_ = 0;
  std::unique_ptr<RecordSource> records_;
  StreamHasher hasher_;
};

}  // namespace temper
