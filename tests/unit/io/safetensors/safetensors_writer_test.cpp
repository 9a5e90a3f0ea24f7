#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <numeric>

#include "common/error.h"
#include "io/atomic_file.h"
#include "io/safetensors/safetensors_file.h"
#include "io/safetensors/safetensors_writer.h"
#include "io/safetensors/tensor_info.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

std::vector<float> numbered(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.5f);
  return values;
}

TEST(SafetensorsWriterTest, what_is_written_is_read) {
  const TemporaryDirectory directory;
  const auto path = directory / "a.safetensors";
  SafetensorsWriter writer(path,
                           {{"b", DType::kF32, {3, 5}},
                            {"a", DType::kBF16, {7}},
                            {"empty", DType::kF16, {0, 4}},
                            {"i", DType::kI64, {}}},
                           {{"format", "pt"}, {"note", "\"quoted\" ü"}});
  const std::vector<float> values = numbered(15);
  writer.write_floats("b", 10, values.data() + 10, 5);
  writer.write_floats("b", 0, values.data(), 10);
  writer.write_floats("a", 0, values.data(), 7);
  const int64_t number = -3;
  writer.write("i", 0, std::as_bytes(std::span(&number, 1)));
  EXPECT_FALSE(std::filesystem::exists(path));
  const uint64_t size = writer.finish();
  EXPECT_EQ(size, std::filesystem::file_size(path));

  const SafetensorsFile file(path);
  std::vector<float> back(15);
  file.read_floats("b", 0, 15, back.data());
  EXPECT_EQ(back, values);
  file.read_floats("a", 0, 7, back.data());
  EXPECT_EQ(back[6], 6.5f);
  EXPECT_EQ(file.read_integers("i").front(), -3);
  EXPECT_EQ(file.metadata().at("note"), "\"quoted\" ü");
  EXPECT_EQ(file.tensors().size(), 4u);
}

TEST(SafetensorsWriterTest, layout_is_the_reference_implementations) {
  const TemporaryDirectory directory;
  const auto path = directory / "a.safetensors";
  SafetensorsWriter writer(path, {{"z", DType::kU8, {1}},
                                  {"y", DType::kF32, {1}},
                                  {"x", DType::kI64, {1}},
                                  {"w", DType::kF32, {1}},
                                  {"v", DType::kBF16, {1}},
                                  {"u", DType::kF64, {1}}});
  const std::vector<std::byte> zeros(8);
  for (const char* name : {"u", "x"}) writer.write(name, 0, zeros);
  for (const char* name : {"w", "y"}) writer.write(name, 0, std::span(zeros).first(4));
  writer.write("v", 0, std::span(zeros).first(2));
  writer.write("z", 0, std::span(zeros).first(1));
  writer.finish();
  const std::string bytes = read_file(path);
  const auto header_bytes =
      static_cast<unsigned char>(bytes[0]) + 256u * static_cast<unsigned char>(bytes[1]);
  EXPECT_EQ(header_bytes % 8, 0u);
  const std::string header = bytes.substr(8, header_bytes);
  EXPECT_THAT(header,
              testing::StartsWith(R"({"__metadata__":{"format":"pt"},)"
                                  R"("x":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                                  R"("u":{"dtype":"F64","shape":[1],"data_offsets":[8,16]},)"
                                  R"("w":{"dtype":"F32","shape":[1],"data_offsets":[16,20]},)"
                                  R"("y":{"dtype":"F32","shape":[1],"data_offsets":[20,24]},)"
                                  R"("v":{"dtype":"BF16","shape":[1],"data_offsets":[24,26]},)"
                                  R"("z":{"dtype":"U8","shape":[1],"data_offsets":[26,27]}})"));
  EXPECT_EQ(bytes.size(), 8 + header_bytes + 27);
}

TEST(SafetensorsWriterTest, file_is_private) {
  const TemporaryDirectory directory;
  SafetensorsWriter(directory / "a", {}).finish();
  struct stat info {};
  ASSERT_EQ(stat((directory / "a").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(SafetensorsWriterTest, abandoned_file_is_removed) {
  const TemporaryDirectory directory;
  {
    SafetensorsWriter writer(directory / "a", {{"x", DType::kF32, {4}}});
    writer.write_floats("x", 0, numbered(4).data(), 4);
  }
  EXPECT_EQ(directory.num_entries(), 0u);
}

TEST(SafetensorsWriterTest, incomplete_tensors_are_not_finished) {
  const TemporaryDirectory directory;
  const std::vector<float> values = numbered(6);
  SafetensorsWriter writer(directory / "a", {{"x", DType::kF32, {6}}, {"y", DType::kF32, {1}}});
  writer.write_floats("y", 0, values.data(), 1);
  const auto refused = [&] {
    EXPECT_THAT(error_text<InternalError>([&] { writer.finish(); }),
                names("tensor \"x\"", (directory / "a").string()));
  };
  refused();
  writer.write_floats("x", 0, values.data(), 2);
  writer.write_floats("x", 4, values.data(), 2);
  refused();
  writer.write_floats("x", 3, values.data(), 1);
  refused();
  writer.write_floats("x", 2, values.data(), 1);
  writer.finish();
}

TEST(SafetensorsWriterTest, bytes_are_written_once_and_inside_their_tensor) {
  const TemporaryDirectory directory;
  const std::vector<float> values = numbered(8);
  SafetensorsWriter writer(directory / "a", {{"x", DType::kF32, {8}}});
  writer.write_floats("x", 2, values.data(), 2);
  for (const auto& [begin, count] :
       {std::pair(2, 2), std::pair(1, 2), std::pair(3, 1), std::pair(0, 8), std::pair(3, 5)}) {
    EXPECT_THAT(error_text<InternalError>(
                    [&, b = begin, c = count] { writer.write_floats("x", b, values.data(), c); }),
                names(fmt::format("[{}, +{}) of \"x\"", 4 * begin, 4 * count), "before"))
        << begin;
  }
  EXPECT_THAT(error_text<InternalError>([&] { writer.write_floats("x", 7, values.data(), 2); }),
              names("[28, +8) of \"x\"", " 32"));
  EXPECT_THROW(writer.write_floats("x", -1, values.data(), 1), InternalError);
  EXPECT_THAT(error_text<InternalError>([&] { writer.write_floats("y", 0, values.data(), 1); }),
              names("\"y\"", "declared"));
}

TEST(SafetensorsWriterTest, names_are_declared_once) {
  const TemporaryDirectory directory;
  EXPECT_THROW(
      SafetensorsWriter(directory / "a", {{"x", DType::kF32, {1}}, {"x", DType::kF16, {1}}}),
      InternalError);
  EXPECT_THROW(SafetensorsWriter(directory / "a", {{"__metadata__", DType::kF32, {1}}}),
               InternalError);
  EXPECT_EQ(directory.num_entries(), 0u);
}

TEST(SafetensorsWriterTest, thousands_of_tensors) {
  const TemporaryDirectory directory;
  std::vector<SafetensorsWriter::Entry> entries;
  for (int i = 0; i < 5000; ++i) entries.push_back({fmt::format("t{}", i), DType::kBF16, {i % 7}});
  SafetensorsWriter writer(directory / "a", entries);
  const std::vector<float> values = numbered(7);
  for (const auto& entry : entries) {
    writer.write_floats(entry.name, 0, values.data(), entry.shape[0]);
  }
  writer.finish();
  EXPECT_EQ(SafetensorsFile(directory / "a").tensors().size(), 5000u);
}

// More elements than are converted at a time.
TEST(SafetensorsWriterTest, long_tensors_are_converted_in_parts) {
  const TemporaryDirectory directory;
  constexpr int64_t kCount = (int64_t{1} << 18) * 2 + 3;
  std::vector<float> values(kCount);
  for (int64_t i = 0; i < kCount; ++i) values[i] = static_cast<float>(i % 256);
  SafetensorsWriter writer(directory / "a", {{"x", DType::kBF16, {kCount}}});
  writer.write_floats("x", 0, values.data(), kCount);
  writer.finish();
  std::vector<float> back(kCount);
  SafetensorsFile(directory / "a").read_floats("x", 0, kCount, back.data());
  EXPECT_EQ(back, values);
}

}  // namespace
}  // namespace temper
