#include "io/input/parquet_reader.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "common/error.h"
#include "io/input/arrow_json.h"

namespace temper {
namespace {

constexpr int64_t kBatchBytes = int64_t{4} << 20;
constexpr int64_t kMaxBatchRows = 4096;
constexpr int64_t kStreamBufferBytes = int64_t{256} << 10;

// Arrow's messages may go over several lines; those of the programme have one.
std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

struct ParquetReader::State {
  State(const std::filesystem::path& path, std::string its_name, const ParquetLimits& its_limits);

  bool next_batch();
  void open_row_group();
  std::string place() const;
  [[noreturn]] void fail(const std::string& why) const;
  // The library's results and exceptions become UserErrors with the place.
  template <typename Function>
  auto checked(const Function& function);

  std::string name;
  ParquetLimits limits;
  arrow::ProxyMemoryPool counted_pool{arrow::system_memory_pool()};
  arrow::CappedMemoryPool pool{&counted_pool, limits.memory_bytes};
  std::unique_ptr<parquet::arrow::FileReader> file;
  std::vector<int> leaf_columns;  // those of the columns that have a JSON form
  int num_row_groups = 0;
  int row_group = -1;     // that is being read; -1: none yet
  int64_t rows_left = 0;  // of the row group, not yet in a batch
  std::unique_ptr<arrow::RecordBatchReader> batches;
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t row_in_batch = 0;
  int64_t number = 0;
};

std::string ParquetReader::State::place() const {
  return row_group < 0 ? name
                       : fmt::format("{}: row group {} of {}", name, row_group + 1, num_row_groups);
}

void ParquetReader::State::fail(const std::string& why) const {
  throw UserError("{}: the Parquet file cannot be read: {}", place(), one_line(why));
}

template <typename Function>
auto ParquetReader::State::checked(const Function& function) {
  try {
    auto result = function();
    if constexpr (std::is_same_v<decltype(result), arrow::Status>) {
      if (!result.ok()) fail(result.ToStringWithoutContextLines());
    } else {
      if (!result.ok()) fail(result.status().ToStringWithoutContextLines());
      return std::move(result).ValueUnsafe();
    }
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

ParquetReader::State::State(const std::filesystem::path& path, std::string its_name,
                            const ParquetLimits& its_limits)
    : name(std::move(its_name)), limits(its_limits) {
  parquet::ReaderProperties properties(&pool);
  // Without it a column of a whole row group is read at once.
  properties.enable_buffered_stream();
  properties.set_buffer_size(kStreamBufferBytes);
  properties.set_page_checksum_verification(true);
  parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
  arrow_properties.set_pre_buffer(false);
  parquet::arrow::FileReaderBuilder builder;
  checked([&] { return builder.OpenFile(path.native(), /*memory_map=*/false, properties); });
  file = checked([&] { return builder.memory_pool(&pool)->properties(arrow_properties)->Build(); });
  const auto schema = [&] {
    std::shared_ptr<arrow::Schema> found;
    checked([&] { return file->GetSchema(&found); });
    return found;
  }();
  const parquet::SchemaDescriptor& leaves = *file->parquet_reader()->metadata()->schema();
  for (int leaf = 0; leaf < leaves.num_columns(); ++leaf) {
    const std::string& column = leaves.GetColumnRoot(leaf)->name();
    for (const auto& field : schema->GetAllFieldsByName(column)) {
      if (!has_json_form(*field->type())) continue;
      leaf_columns.push_back(leaf);
      break;
    }
  }
  num_row_groups = file->num_row_groups();
}

void ParquetReader::State::open_row_group() {
  const auto metadata = checked([&]() -> arrow::Result<std::unique_ptr<parquet::RowGroupMetaData>> {
    return file->parquet_reader()->metadata()->RowGroup(row_group);
  });
  rows_left = metadata->num_rows();
  const int64_t row_bytes =
      rows_left > 0 ? std::max<int64_t>(1, metadata->total_byte_size() / rows_left) : 1;
  file->set_batch_size(std::clamp<int64_t>(kBatchBytes / row_bytes, 1, kMaxBatchRows));
  batches = checked([&] { return file->GetRecordBatchReader({row_group}, leaf_columns); });
}

bool ParquetReader::State::next_batch() {
  for (;;) {
    if (batches) {
      batch = checked([&] { return batches->Next(); });
      if (batch && batch->num_rows() > 0) {
        checked([&] { return batch->Validate(); });
        rows_left -= batch->num_rows();
        row_in_batch = 0;
        return true;
      }
      batches.reset();
      if (rows_left != 0) fail("it holds other rows than its metadata says");
    }
    if (row_group + 1 >= num_row_groups) return false;
    ++row_group;
    open_row_group();
  }
}

ParquetReader::ParquetReader(const std::filesystem::path& path, const std::string& name,
                             const ParquetLimits& limits)
    : state_(std::make_unique<State>(path, name, limits)) {}

ParquetReader::~ParquetReader() = default;

int64_t ParquetReader::number() const {
  return state_->number;
}

bool ParquetReader::next(std::string& json) {
  State& state = *state_;
  json.clear();
  while (!state.batch || state.row_in_batch == state.batch->num_rows()) {
    if (!state.next_batch()) return false;
  }
  json += '{';
  for (int column = 0; column < state.batch->num_columns(); ++column) {
    const arrow::Array& values = *state.batch->column(column);
    if (values.IsNull(state.row_in_batch)) continue;
    if (json.size() > 1) json += ',';
    append_json_text(state.batch->column_name(column), json);
    json += ':';
    append_json(values, state.row_in_batch, json);
  }
  json += '}';
  ++state.number;
  ++state.row_in_batch;
  if (json.size() > state.limits.row_bytes) {
    throw UserError("{}: row {} is longer than {} bytes", state.place(), state.number,
                    state.limits.row_bytes);
  }
  return true;
}

}  // namespace temper
