#include "io/input/parquet_reader.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/json.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Arrays = std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>;

std::shared_ptr<arrow::Array> finish(arrow::ArrayBuilder& builder) {
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> texts(const std::vector<std::string>& values) {
  arrow::StringBuilder builder;
  EXPECT_TRUE(builder.AppendValues(values).ok());
  return finish(builder);
}

// One conversation per element: lists of {role, content, name}, where an empty name is null.
struct Turn {
  std::string role, content, name;
};
std::shared_ptr<arrow::Array> conversations(const std::vector<std::vector<Turn>>& records) {
  const auto type =
      arrow::struct_({arrow::field("role", arrow::utf8()), arrow::field("content", arrow::utf8()),
                      arrow::field("name", arrow::utf8())});
  const auto turn = std::make_shared<arrow::StructBuilder>(
      type, arrow::default_memory_pool(),
      std::vector<std::shared_ptr<arrow::ArrayBuilder>>{std::make_shared<arrow::StringBuilder>(),
                                                        std::make_shared<arrow::StringBuilder>(),
                                                        std::make_shared<arrow::StringBuilder>()});
  arrow::ListBuilder list(arrow::default_memory_pool(), turn);
  const auto member = [&](int i) {
    return static_cast<arrow::StringBuilder*>(turn->field_builder(i));
  };
  for (const auto& record : records) {
    EXPECT_TRUE(list.Append().ok());
    for (const Turn& each : record) {
      EXPECT_TRUE(turn->Append().ok());
      EXPECT_TRUE(member(0)->Append(each.role).ok());
      EXPECT_TRUE(member(1)->Append(each.content).ok());
      EXPECT_TRUE(
          (each.name.empty() ? member(2)->AppendNull() : member(2)->Append(each.name)).ok());
    }
  }
  return finish(list);
}

class ParquetReaderTest : public testing::Test {
 protected:
  std::filesystem::path write(
      const Arrays& columns, int64_t rows_per_group = 1000,
      parquet::Compression::type compression = parquet::Compression::SNAPPY) {
    std::vector<std::shared_ptr<arrow::Field>> fields;
    std::vector<std::shared_ptr<arrow::Array>> arrays;
    for (const auto& [name, array] : columns) {
      fields.push_back(arrow::field(name, array->type()));
      arrays.push_back(array);
    }
    const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
    const auto sink = arrow::io::FileOutputStream::Open(path_.native()).ValueOrDie();
    const auto properties = parquet::WriterProperties::Builder()
                                .compression(compression)
                                ->enable_page_checksum()
                                ->data_pagesize(1024)
                                ->write_batch_size(64)
                                ->build();
    EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), sink,
                                           rows_per_group, properties)
                    .ok());
    EXPECT_TRUE(sink->Close().ok());
    return path_;
  }
  std::vector<std::string> read() const {
    ParquetReader reader(path_, "a.parquet");
    std::vector<std::string> rows;
    for (std::string json; reader.next(json);) {
      rows.push_back(json);
      EXPECT_EQ(reader.number(), static_cast<int64_t>(rows.size()));
    }
    return rows;
  }
  std::string error() const {
    return error_text<UserError>([&] { read(); });
  }

  TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_.path() / "a.parquet";
};

TEST_F(ParquetReaderTest, rows_are_objects_of_their_columns) {
  write({{"prompt", texts({"a \"b\"\\\n\x01", "na\xC3\xAFve"})}, {"completion", texts({"", "d"})}});
  EXPECT_THAT(read(), ElementsAre(R"({"prompt":"a \"b\"\\\u000a\u0001","completion":""})",
                                  "{\"prompt\":\"na\xC3\xAFve\",\"completion\":\"d\"}"));
}

TEST_F(ParquetReaderTest, nested_values_are_what_a_line_of_json_would_hold) {
  write({{"messages", conversations({{{"user", "Q", ""}, {"assistant", "A", "x"}}, {}})}});
  EXPECT_THAT(read(), ElementsAre(R"({"messages":[{"role":"user","content":"Q"},)"
                                  R"({"role":"assistant","content":"A","name":"x"}]})",
                                  R"({"messages":[]})"));
}

TEST_F(ParquetReaderTest, nulls_and_what_json_cannot_say_are_left_out) {
  arrow::StringBuilder text;
  arrow::DoubleBuilder number;
  arrow::Int64Builder integer;
  arrow::BooleanBuilder boolean;
  arrow::BinaryBuilder binary;
  for (const double value : {0.5, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_TRUE((std::isnan(value) ? text.AppendNull() : text.Append("t")).ok());
    EXPECT_TRUE(number.Append(value).ok());
    EXPECT_TRUE(integer.Append(std::numeric_limits<int64_t>::min()).ok());
    EXPECT_TRUE(boolean.Append(true).ok());
    EXPECT_TRUE(binary.Append("\xff").ok());
  }
  write({{"text", finish(text)},
         {"number", finish(number)},
         {"integer", finish(integer)},
         {"boolean", finish(boolean)},
         {"image", finish(binary)}});
  EXPECT_THAT(
      read(),
      ElementsAre(R"({"text":"t","number":0.5,"integer":-9223372036854775808,"boolean":true})",
                  R"({"number":null,"integer":-9223372036854775808,"boolean":true})"));
}

TEST_F(ParquetReaderTest, any_number_of_row_groups_and_compressions) {
  std::mt19937 random(7);
  std::vector<std::string> values;
  for (int i = 0; i < 5000; ++i) values.push_back(std::string(random() % 300, 'a' + i % 26));
  std::vector<std::string> expected;
  for (const std::string& value : values) expected.push_back(Json{{"text", value}}.dump());
  for (const int64_t rows_per_group : {1, 77, 5000}) {
    for (const auto compression : {parquet::Compression::UNCOMPRESSED, parquet::Compression::SNAPPY,
                                   parquet::Compression::GZIP, parquet::Compression::ZSTD}) {
      if (rows_per_group == 1 && compression != parquet::Compression::SNAPPY) continue;
      write({{"text", texts(values)}}, rows_per_group, compression);
      EXPECT_EQ(read(), expected) << rows_per_group;
    }
  }
}

TEST_F(ParquetReaderTest, empty_tables_have_no_rows) {
  write({{"text", texts({})}});
  EXPECT_TRUE(read().empty());
}

TEST_F(ParquetReaderTest, damage_is_named_with_its_row_group) {
  std::vector<std::string> values;
  for (int i = 0; i < 300; ++i) values.push_back("secret " + std::to_string(i * 7919));
  const std::string whole =
      read_file(write({{"text", texts(values)}}, 100, parquet::Compression::UNCOMPRESSED));
  std::string damaged = whole;
  damaged[whole.find("secret 1583800")] ^= 1;  // row 201 of 300
  write_file_atomically(path_, damaged);
  EXPECT_THAT(error(), AllOf(names("a.parquet", "row group 3 of 3"), Not(HasSubstr("secret"))));
  write_file_atomically(path_, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(error(), AllOf(names("a.parquet: "), Not(HasSubstr("row group"))));
  write_file_atomically(path_, "PAR1");
  EXPECT_THAT(error(), names("a.parquet: ", "Parquet"));
  std::filesystem::remove(path_);
  EXPECT_THAT(error(), names("a.parquet", "No such file"));
}

TEST_F(ParquetReaderTest, rows_over_the_limit_are_refused) {
  write({{"text", texts({"short", std::string(100, 'x')})}});
  ParquetReader reader(path_, "a.parquet", {50});
  std::string json;
  EXPECT_TRUE(reader.next(json));
  EXPECT_THAT(error_text<UserError>([&] { reader.next(json); }),
              names("a.parquet", "row group 1 of 1", "row 2", "50 bytes"));
}

TEST_F(ParquetReaderTest, memory_has_a_bound) {
  write({{"text", texts({std::string(size_t{20} << 20, 'x')})}});
  EXPECT_LT(std::filesystem::file_size(path_), size_t{4} << 20);
  const ParquetLimits limits = {size_t{64} << 20, int64_t{8} << 20};
  ParquetReader reader(path_, "a.parquet", limits);
  std::string json;
  EXPECT_THAT(error_text<UserError>([&] { reader.next(json); }),
              names("a.parquet", "row group 1 of 1"));
  EXPECT_THAT(read(), ElementsAre(testing::SizeIs((size_t{20} << 20) + 11)));
}

// A row group is read page by page: the whole of it would not fit.
TEST_F(ParquetReaderTest, row_groups_larger_than_the_bound_are_read) {
  std::mt19937 random(7);
  std::vector<std::string> values(2000, std::string(10'000, ' '));
  for (std::string& value : values) {
    for (char& c : value) c = static_cast<char>('a' + random() % 26);
  }
  write({{"text", texts(values)}}, 2000);
  ParquetReader reader(path_, "a.parquet", {size_t{64} << 20, int64_t{16} << 20});
  int64_t num_rows = 0;
  for (std::string json; reader.next(json);) ++num_rows;
  EXPECT_EQ(num_rows, 2000);
}

}  // namespace
}  // namespace temper
