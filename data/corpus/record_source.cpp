#include "data/corpus/record_source.h"

#include <fstream>
#include <string_view>
#include <utility>
#include <vector>

#include "common/error.h"
#include "data/corpus/corpus_files.h"
#include "io/input/byte_input.h"
#include "io/input/csv_input.h"
#include "io/input/json_array_input.h"
#include "io/input/parquet_reader.h"
#include "io/input/text_input.h"
#include "io/json.h"
#include "text/unicode/utf8.h"

namespace temper {
namespace {

constexpr const char* kNotUtf8 = "the text is not UTF-8";
constexpr size_t kMaxTextBytes = size_t{16} << 20;
constexpr size_t kPeekBytes = 4096;
constexpr std::string_view kParquetMagic = "PAR1";

class JsonLineRecords final : public RecordSource {
 public:
  JsonLineRecords(std::unique_ptr<ByteInput> input, std::string name)
      : lines_(std::move(input), std::move(name)) {}

  bool next(SourceRecord& record) override {
    do {
      if (!lines_.next(record.json)) return false;
    } while (record.json.find_first_not_of(" \t\r\n\f\v") == std::string::npos);
    record.number = lines_.line_number();
    return true;
  }

 private:
  LineReader lines_;
};

class JsonArrayRecords final : public RecordSource {
 public:
  JsonArrayRecords(std::unique_ptr<ByteInput> input, std::string name)
      : array_(std::move(input), std::move(name)) {}

  bool next(SourceRecord& record) override {
    if (!array_.next(record.json)) return false;
    record.number = array_.number();
    return true;
  }

 private:
  JsonArrayReader array_;
};

class CsvRecords final : public RecordSource {
 public:
  CsvRecords(std::unique_ptr<ByteInput> input, std::string name, char separator)
      : reader_(std::move(input), std::move(name), separator) {}

  bool next(SourceRecord& record) override {
    if (!reader_.next(fields_)) return false;
    record.number = reader_.line_number();
    record.json.clear();
    if (reader_.problem()) {
      record.problem = reader_.problem();
      return true;
    }
    Json object = Json::object();
    for (size_t i = 0; i < fields_.size(); ++i) {
      if (!is_valid_utf8(fields_[i]) || !is_valid_utf8(reader_.columns()[i])) {
        record.problem = kNotUtf8;
        return true;
      }
      object[reader_.columns()[i]] = std::move(fields_[i]);
    }
    record.json = object.dump();
    return true;
  }

 private:
  CsvReader reader_;
  std::vector<std::string> fields_;
};

class TextRecords final : public RecordSource {
 public:
  TextRecords(std::unique_ptr<ByteInput> input, std::string name)
      : lines_(std::move(input), std::move(name)) {}

  bool next(SourceRecord& record) override {
    std::string text = std::exchange(ahead_, {});
    bool any = !text.empty();
    std::string line;
    while (lines_.next(line)) {
      any = true;
      line += '\n';
      if (!text.empty() && text.size() + line.size() > kMaxTextBytes) {
        ahead_ = std::move(line);
        break;
      }
      text += line;
    }
    if (!any) return false;
    record.number = ++number_;
    if (!is_valid_utf8(text)) {
      record.problem = kNotUtf8;
    } else {
      record.json = Json{{"text", std::move(text)}}.dump();
    }
    return true;
  }

 private:
  LineReader lines_;
  std::string ahead_;
  int64_t number_ = 0;
};

class ParquetRecords final : public RecordSource {
 public:
  ParquetRecords(const std::filesystem::path& path, const std::string& name)
      : reader_(path, name) {}

  bool next(SourceRecord& record) override {
    if (!reader_.next(record.json)) return false;
    record.number = reader_.number();
    return true;
  }

 private:
  ParquetReader reader_;
};

CorpusContainer container_of(const std::filesystem::path& path, PeekableInput& input) {
  const std::string extension = content_extension(path);
  if (extension == ".csv") return CorpusContainer::kCsv;
  if (extension == ".tsv") return CorpusContainer::kTsv;
  if (extension == ".txt" || extension == ".md") return CorpusContainer::kText;
  const std::string_view start = behind_byte_order_mark(input.peek(kPeekBytes));
  const size_t first = start.find_first_not_of(" \t\r\n");
  const bool is_array = first != start.npos && start[first] == '[';
  return is_array ? CorpusContainer::kJsonArray : CorpusContainer::kJsonLines;
}

// This is asked before anything is unpacked.
bool begins_as_parquet(const std::filesystem::path& path) {
  std::string start(kParquetMagic.size(), '\0');
  std::ifstream(path, std::ios::binary)
      .read(start.data(), static_cast<std::streamsize>(start.size()));
  return start == kParquetMagic;
}

}  // namespace

const char* corpus_container_name(CorpusContainer container) {
  switch (container) {
    case CorpusContainer::kJsonLines:
      return "JSON lines";
    case CorpusContainer::kJsonArray:
      return "JSON array";
    case CorpusContainer::kCsv:
      return "CSV";
    case CorpusContainer::kTsv:
      return "TSV";
    case CorpusContainer::kParquet:
      return "Parquet";
    case CorpusContainer::kText:
      return "text";
  }
  TEMPER_CHECK(false);
}

OpenedSource open_record_source(const std::filesystem::path& path, const std::string& name) {
  auto input = std::make_unique<PeekableInput>(open_byte_input(path));
  if (input->peek(kParquetMagic.size()) == kParquetMagic) {
    // Its end is read first, so it has to be a file of its own.
    if (path == "-") throw UserError("{}: Parquet cannot be read from there; name the file", name);
    if (!begins_as_parquet(path)) {
      throw UserError("{}: a compressed Parquet file; unpack it first", name);
    }
    return {CorpusContainer::kParquet, std::make_unique<ParquetRecords>(path, name)};
  }
  const CorpusContainer container = container_of(path, *input);
  switch (container) {
    case CorpusContainer::kJsonArray:
      return {container, std::make_unique<JsonArrayRecords>(std::move(input), name)};
    case CorpusContainer::kCsv:
    case CorpusContainer::kTsv:
      return {container,
              std::make_unique<CsvRecords>(std::move(input), name,
                                           container == CorpusContainer::kCsv ? ',' : '\t')};
    case CorpusContainer::kText:
      return {container, std::make_unique<TextRecords>(std::move(input), name)};
    case CorpusContainer::kParquet:
    case CorpusContainer::kJsonLines:
      break;
  }
  return {container, std::make_unique<JsonLineRecords>(std::move(input), name)};
}

}  // namespace temper
