#include "io/safetensors/safetensors_file.h"
#include "io/safetensors/tensor_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstring>

#include "common/error.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

std::string file_bytes(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  return bytes + header + std::string(data_bytes, '\1');
}

class SafetensorsTest : public testing::Test {
 protected:
  SafetensorsFile open(const std::string& header, size_t data_bytes) {
    return SafetensorsFile(directory_.write("a.safetensors", file_bytes(header, data_bytes)));
  }
  std::string open_error(const std::string& bytes) {
    const auto path = directory_.write("a.safetensors", bytes);
    const std::string text = error_text<UserError>([&] { SafetensorsFile{path}; });
    EXPECT_THAT(text, names("a.safetensors"));
    return text;
  }
  std::string header_error(const std::string& header, size_t data_bytes) {
    return open_error(file_bytes(header, data_bytes));
  }

  TemporaryDirectory directory_;
};

TEST_F(SafetensorsTest, reads_tensors_and_metadata) {
  const auto file = open(R"({"__metadata__":{"format":"pt","a":"b"},)"
                         R"("y":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},)"
                         R"("x":{"shape":[2,1],"data_offsets":[0,8],"dtype":"F32"}}   )",
                         11);
  EXPECT_EQ(file.tensors().size(), 2u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.info("x").dtype, DType::kF32);
  EXPECT_THAT(file.info("x").shape, ElementsAre(2, 1));
  EXPECT_EQ(file.info("x").num_elements(), 2);
  EXPECT_EQ(file.bytes("y").size(), 3u);
  EXPECT_TRUE(file.contains("x"));
  EXPECT_FALSE(file.contains("__metadata__"));
  EXPECT_THAT(error_text<UserError>([&] { file.info("z"); }),
              names("a.safetensors", "tensor \"z\""));
}

TEST_F(SafetensorsTest, empty_shapes_and_empty_tensors_are_legal) {
  const auto file = open(R"({"scalar":{"dtype":"F64","shape":[],"data_offsets":[0,8]},)"
                         R"("none":{"dtype":"F32","shape":[3,0],"data_offsets":[0,0]},)"
                         R"("none_too":{"dtype":"F32","shape":[0],"data_offsets":[8,8]}})",
                         8);
  EXPECT_EQ(file.info("scalar").num_elements(), 1);
  EXPECT_EQ(file.bytes("none").size(), 0u);
  EXPECT_EQ(open("{}", 0).tensors().size(), 0u);
  EXPECT_EQ(open(R"({"__metadata__":{}})", 0).tensors().size(), 0u);
}

TEST_F(SafetensorsTest, short_and_foreign_files_are_refused) {
  EXPECT_THAT(open_error(""), names("0 bytes"));
  EXPECT_THAT(open_error("1234567"), names("7 bytes"));
  EXPECT_THAT(open_error("PK\3\4 a zip archive"), names("8800140462016121680 bytes", "100000000"));
  EXPECT_THAT(open_error(std::string("\5\0\0\0\0\0\0\0{}", 10)), names("header of 5 bytes"));
  EXPECT_THAT(open_error(std::string(8, '\0')), names("'{'"));
  EXPECT_THAT(open_error(std::string(8, '\xff')), names("18446744073709551615 bytes", "100000000"));
  EXPECT_THAT(header_error(" {}", 0), names("'{'"));
  EXPECT_THAT(error_text<UserError>([&] { SafetensorsFile{directory_.path()}; }),
              names(directory_.path().string(), "regular file"));
  EXPECT_THAT(error_text<UserError>([&] { SafetensorsFile{directory_ / "no"}; }),
              names((directory_ / "no").string(), "No such file"));
}

TEST_F(SafetensorsTest, huge_header_is_refused_before_it_is_read) {
  const uint64_t length = 100'000'001;
  std::string bytes(reinterpret_cast<const char*>(&length), sizeof(length));
  const auto path = directory_.write("a.safetensors", bytes + "{}");
  std::filesystem::resize_file(path, 200'000'000);  // sparse
  EXPECT_THAT(error_text<UserError>([&] { SafetensorsFile{path}; }),
              names("a.safetensors", "100000001 bytes"));
}

// Header, bytes of data, what the error names.
struct BadHeader {
  const char* header;
  size_t data_bytes;
  std::vector<const char*> named;
};
struct Attack {
  const char* name;
  std::vector<BadHeader> headers;
};

void PrintTo(const Attack& attack, std::ostream* out) {
  *out << attack.name;
}

const Attack kAttacks[] = {
    {"garbled_headers",
     {{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})",
       8,
       {"column ", "ends too early"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}x)",
       8,
       {"column ", "not valid JSON"}},
      {"{\"x\xff\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}",
       8,
       {"column ", "not UTF-8"}}}},
    {"truncated_and_padded_files",
     {{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 7, {" 8 bytes", " 7:"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 9, {" 8 bytes", " 9:"}}}},
    {"holes",
     {{R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
       9,
       {"tensor \"x\"", "byte 1 ", "byte 0 "}},
      {R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})",
       5,
       {"tensor \"y\"", "byte 3 ", "byte 2 "}}}},
    {"overlapping_offsets",
     {{R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
       3,
       {"tensor \"y\"", "byte 1 ", "byte 2 "}},
      {R"({"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
       2,
       {"byte 0 ", "byte 2 "}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
       8,
       {"tensor \"x\"", "[8, 0)"}}}},
    {"contradicting_sizes",
     {{R"({"x":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "12 bytes", "[0, 8)"}},
      {R"({"x":{"dtype":"F16","shape":[2],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "4 bytes", "[0, 8)"}}}},
    {"integer_overflow",
     {{R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
       0,
       {"tensor \"x\"", "overflows"}},
      {R"({"x":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}})",
       0,
       {"tensor \"x\"", "overflows"}},
      {R"({"x":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,0]}})",
       0,
       {"tensor \"x\"", "huge dim"}},
      {R"({"x":{"dtype":"F32","shape":[9223372036854775807,4,2305843009213693952],"data_offsets":[0,0]}})",
       0,
       {"tensor \"x\"", "overflows"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551616]}})",
       8,
       {"tensor \"x\"", "no 64-bit integer"}}}},
    {"wrong_types_and_keys",
     {{R"([])", 0, {"'{'"}},
      {R"({"x":1})", 0, {"tensor \"x\"", "a number"}},
      {R"({"x":[]})", 0, {"tensor \"x\"", "a list"}},
      {R"({"x":"y"})", 0, {"tensor \"x\"", "a string"}},
      {R"({"x":null})", 0, {"tensor \"x\"", "null"}},
      {R"({"x":true})", 0, {"tensor \"x\"", "a boolean"}},
      {R"({"x":{}})", 0, {"tensor \"x\"", "lacks", "dtype"}},
      {R"({"x":{"dtype":"F32","data_offsets":[0,0]}})", 0, {"tensor \"x\"", "lacks", "shape"}},
      {R"({"x":{"dtype":"F32","shape":[0]}})", 0, {"tensor \"x\"", "lacks", "data_offsets"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"more":[]}})",
       8,
       {"tensor \"x\"", "unknown key"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":{}}})", 8, {"tensor \"x\"", "an object"}},
      {R"({"x":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", 8, {"tensor \"x\"", "a number"}},
      {R"({"x":{"dtype":["F32"],"shape":[2],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "a list"}},
      {R"({"x":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "a list"}},
      {R"({"x":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "no 64-bit integer"}},
      {R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "a negative number"}},
      {R"({"x":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "a string"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0]}})",
       8,
       {"tensor \"x\"", "two data_offsets"}},
      {R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})",
       8,
       {"tensor \"x\"", "a third offset"}},
      {R"({"x":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})",
       2,
       {"tensor \"x\"", "dtype \"F8_E4M3\""}},
      {R"({"x":{"dtype":"f32","shape":[2],"data_offsets":[0,8]}})",
       8,
       {"tensor \"x\"", "dtype \"f32\""}}}},
    {"duplicate_keys",
     {{R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"x":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2,
       {"tensor \"x\"", "twice"}},
      {R"({"x":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1,
       {"\"dtype\"", "twice"}},
      {R"({"x":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})",
       1,
       {"\"shape\"", "twice"}},
      {R"({"__metadata__":{"a":"b","a":"c"}})", 0, {"\"a\"", "twice"}},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, {"\"__metadata__\"", "twice"}}}},
    {"metadata_that_is_not_text",
     {{R"({"__metadata__":{"a":1}})", 0, {"__metadata__", "strings"}},
      {R"({"__metadata__":{"a":{}}})", 0, {"__metadata__", "strings"}},
      {R"({"__metadata__":{"a":["b"]}})", 0, {"__metadata__", "strings"}},
      {R"({"__metadata__":"a"})", 0, {"__metadata__", "strings"}}}},
};

class SafetensorsAttack : public SafetensorsTest, public testing::WithParamInterface<Attack> {};

TEST_P(SafetensorsAttack, is_refused) {
  for (const BadHeader& bad : GetParam().headers) {
    const std::string text = header_error(bad.header, bad.data_bytes);
    for (const char* part : bad.named) EXPECT_THAT(text, names(part)) << bad.header;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SafetensorsAttack, testing::ValuesIn(kAttacks),
                         [](const auto& test) { return std::string(test.param.name); });

TEST_F(SafetensorsTest, huge_names_are_not_repeated_in_errors) {
  const std::string header = "{\"" + std::string(100000, 'n') + "\":{}}";
  EXPECT_LT(header_error(header, 0).size(), 300u);
}

TEST_F(SafetensorsTest, floats_of_all_widths_are_read_by_range) {
  const std::string header =
      R"({"f32":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},)"
      R"("bf16":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},)"
      R"("f16":{"dtype":"F16","shape":[2],"data_offsets":[22,26]},)"
      R"("i32":{"dtype":"I32","shape":[1],"data_offsets":[26,30]}} )";  // odd: unaligned
  std::string bytes = file_bytes(header, 30);
  const float f32[] = {1.0f, 2.0f, 3.0f, 4.0f};
  const uint16_t bf16[] = {0x3f80, 0xc000, 0x4040}, f16[] = {0x3c00, 0xb800};
  char* data = bytes.data() + 8 + header.size();
  std::memcpy(data, f32, 16);
  std::memcpy(data + 16, bf16, 6);
  std::memcpy(data + 22, f16, 4);
  const SafetensorsFile file(directory_.write("a.safetensors", bytes));
  float out[4] = {};
  file.read_floats("f32", 1, 3, out);
  EXPECT_THAT(std::vector<float>(out, out + 2), ElementsAre(2.0f, 3.0f));
  file.read_floats("bf16", 1, 3, out);
  EXPECT_THAT(std::vector<float>(out, out + 2), ElementsAre(-2.0f, 3.0f));
  file.read_floats("f16", 0, 2, out);
  EXPECT_THAT(std::vector<float>(out, out + 2), ElementsAre(1.0f, -0.5f));
  file.read_floats("f32", 4, 4, out);  // nothing
  EXPECT_THROW(file.read_floats("f32", 3, 5, out), InternalError);
  EXPECT_THROW(file.read_floats("f32", -1, 2, out), InternalError);
  EXPECT_THAT(error_text<UserError>([&] { file.read_floats("i32", 0, 1, out); }),
              names("\"i32\"", "I32", "F32"));
}

TEST_F(SafetensorsTest, integers_are_widened) {
  const std::string header = R"({"i64":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                             R"("i32":{"dtype":"I32","shape":[2],"data_offsets":[8,16]},)"
                             R"("u8":{"dtype":"U8","shape":[2],"data_offsets":[16,18]},)"
                             R"("bool":{"dtype":"BOOL","shape":[1],"data_offsets":[18,19]}})";
  std::string bytes = file_bytes(header, 19);
  const int64_t i64 = -5;
  const int32_t i32[] = {-100, 7};
  char* data = bytes.data() + 8 + header.size();
  std::memcpy(data, &i64, 8);
  std::memcpy(data + 8, i32, 8);
  data[16] = '\xff';
  const SafetensorsFile file(directory_.write("a.safetensors", bytes));
  EXPECT_THAT(file.read_integers("i64"), ElementsAre(-5));
  EXPECT_THAT(file.read_integers("i32"), ElementsAre(-100, 7));
  EXPECT_THAT(file.read_integers("u8"), ElementsAre(255, 1));
  EXPECT_THAT(file.read_integers("bool"), ElementsAre(1));
}

TEST_F(SafetensorsTest, stays_valid_when_moved) {
  auto first = open(R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
  const std::byte* before = first.bytes("x").data();
  const SafetensorsFile second = std::move(first);
  EXPECT_EQ(second.bytes("x").data(), before);
}

}  // namespace
}  // namespace temper
