// Records of a corpus: files of JSON lines, plain, gzip or zstd, read in one pass.
//
//   format             keys of a record                       becomes
//   chat               messages: [{role, content}]            the messages
//   sharegpt           conversations: [{from, value}]         human/user, gpt/assistant, system
//   prompt-completion  prompt, completion                     a user and an assistant message
//   alpaca             instruction, input, output, [system]   user "instruction\n\ninput",
//   assistant text               text                                   raw text, all of it to be
//   learnt
//
// Other keys are ignored. An error names the file, the line and the key, never a value.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/text_input.h"
#include "text/chat_template.h"

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
};

// One record as it lies in the file.
struct CorpusLine {
  int32_t source = 0;       // index into CorpusReader::sources()
  int64_t line_number = 0;  // from 1
  CorpusFormat format = CorpusFormat::kText;
  std::string json;
};

// Where a record of a file is, for messages: "train.jsonl:17".
std::string corpus_place(const std::string& source, int64_t line_number);

// Never kAuto. UserError when the line is not such a record.
Record parse_record(std::string_view json, CorpusFormat format, const std::string& place);

class CorpusReader {
 public:
  // "-" is standard input. UserError when a file is missing or none is given.
  CorpusReader(std::vector<std::filesystem::path> inputs, CorpusFormat format);

  // The next line that is not blank; false at the end of the last file. With kAuto the first record
  // of each file decides for the file: the first of messages, conversations, prompt + completion,
  // instruction + output, text that it has.
  bool next(CorpusLine& line);

  const std::vector<std::string>& sources() const { return sources_; }
  // What each file was taken for; kAuto for files that are not reached yet or empty.
  const std::vector<CorpusFormat>& formats() const { return formats_; }

 private:
  bool open_next_file();

  std::vector<std::filesystem::path> inputs_;
  std::vector<std::string> sources_;
  std::vector<CorpusFormat> formats_;
  CorpusFormat format_;
  int32_t source_ = -1;
  std::unique_ptr<LineReader> lines_;
};

}  // namespace temper
