// The records of one corpus file, one after the other, each as a JSON object in text, whatever
// kind of file it is.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace temper {

enum class CorpusContainer {
  kJsonLines,  // one object a line; a record's number is its line
  kJsonArray,  // one array of objects; a record's number is its place in the array
  kCsv,        // a header and comma-separated records; a record's number is the line it begins in
  kTsv,        // the same with tabs
  kParquet,    // a table; a record's number is its row
  kText,       // a text; one record, or several of up to 16 MiB that end with a line
};
const char* corpus_container_name(CorpusContainer container);  // "JSON lines", ...

struct SourceRecord {
  int64_t number = 0;  // from 1
  std::string json;
  // What is wrong with a record that could not be made into an object but does not stop the
  // reading of those after it: for a message, behind the record's place. Empty: nothing.
  std::string problem;
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // False at the end. UserError, naming the file and where in it: damaged compressed data, an
  // unclosed quote or bracket, a damaged row group, a record longer than 64 MiB.
  virtual bool next(SourceRecord& record) = 0;
};

struct OpenedSource {
  CorpusContainer container;
  std::unique_ptr<RecordSource> records;
};

// Parquet by its first bytes, .csv, .tsv, .txt and .md by their names; of others what begins with
// '[' is an array, all else is lines. "-" is standard input, which cannot be Parquet. UserError:
// missing, or a Parquet file that this build cannot read (io/input/parquet_reader.h). Memory: one
// record (64 MiB at most, usually far less) and buffers of half a MiB; a batch and some pages of
// Parquet.
OpenedSource open_record_source(const std::filesystem::path& path, const std::string& name);

}  // namespace temper
