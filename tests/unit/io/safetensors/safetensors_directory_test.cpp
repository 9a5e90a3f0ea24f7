#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error.h"
#include "io/safetensors/safetensors_directory.h"
#include "io/safetensors/safetensors_writer.h"
#include "io/safetensors/tensor_info.h"
#include "tests/fixtures/names.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

class SafetensorsDirectoryTest : public testing::Test {
 protected:
  // A file whose tensors, each one number, all hold `value`.
  void write_file(const std::string& name, const std::vector<std::string>& tensors, float value) {
    std::vector<SafetensorsWriter::Entry> entries;
    for (const std::string& tensor : tensors) entries.push_back({tensor, DType::kF32, {1}});
    SafetensorsWriter writer(directory_ / name, entries);
    for (const std::string& tensor : tensors) writer.write_floats(tensor, 0, &value, 1);
    writer.finish();
  }
  void write_index(const std::string& weight_map) {
    directory_.write("model.safetensors.index.json",
                     "{\"metadata\": {\"total_size\": 8}, \"weight_map\": " + weight_map + "}");
  }
  std::string open_error() {
    return error_text<UserError>([&] { SafetensorsDirectory{directory_.path()}; });
  }
  static float value(const SafetensorsDirectory& all, const std::string& name) {
    float value = 0.0f;
    all.read_floats(name, 0, 1, &value);
    return value;
  }

  TemporaryDirectory directory_;
};

TEST_F(SafetensorsDirectoryTest, reads_a_single_file) {
  write_file("model.safetensors", {"a", "b"}, 1.0f);
  const SafetensorsDirectory all(directory_.path());
  EXPECT_THAT(all.names(), ElementsAre("a", "b"));
  EXPECT_EQ(value(all, "b"), 1.0f);
  EXPECT_THAT(error_text<UserError>([&] { all.info("c"); }),
              names(directory_.path().string(), "tensor \"c\""));
}

TEST_F(SafetensorsDirectoryTest, reads_the_files_of_an_index) {
  write_file("one.safetensors", {"a", "shared"}, 1.0f);
  write_file("two.safetensors", {"b", "shared"}, 2.0f);
  write_index(R"({"a": "one.safetensors", "b": "two.safetensors", "shared": "two.safetensors"})");
  const SafetensorsDirectory all(directory_.path());
  EXPECT_THAT(all.names(), ElementsAre("a", "b", "shared"));
  EXPECT_EQ(value(all, "a"), 1.0f);
  EXPECT_EQ(value(all, "shared"), 2.0f);
  EXPECT_EQ(all.file_of("b").path().filename(), "two.safetensors");
}

TEST_F(SafetensorsDirectoryTest, other_stems_have_other_files) {
  write_file("adapter_model.safetensors", {"a"}, 1.0f);
  EXPECT_TRUE(SafetensorsDirectory(directory_.path(), "adapter_model").contains("a"));
  EXPECT_THAT(open_error(), names("model.safetensors ", "model.safetensors.index"));
}

TEST_F(SafetensorsDirectoryTest, broken_promises_are_refused) {
  write_file("one.safetensors", {"a"}, 1.0f);
  write_index(R"({"a": "one.safetensors", "b": "two.safetensors"})");
  EXPECT_THAT(open_error(), names("two.safetensors"));
  write_index(R"({"a": "one.safetensors", "b": "one.safetensors"})");
  EXPECT_THAT(open_error(), names("\"b\"", "one.safetensors"));
  write_index(R"(["one.safetensors"])");
  EXPECT_THAT(open_error(), names("\"weight_map\"", "list of 1", "object"));
  write_index(R"({"a": 1})");
  EXPECT_THAT(open_error(), names("\"a\" is 1", "string"));
}

TEST_F(SafetensorsDirectoryTest, files_outside_are_not_opened) {
  write_file("one.safetensors", {"a"}, 1.0f);
  std::filesystem::create_directory(directory_ / "sub");
  for (const std::string& name :
       {"../" + directory_.path().filename().string() + "/one.safetensors",
        (directory_ / "one.safetensors").string(), std::string("sub/../one.safetensors"),
        std::string(".."), std::string("")}) {
    write_index("{\"a\": \"" + name + "\"}");
    EXPECT_THAT(open_error(), names("model.safetensors.index.json: \"a\"", "\"" + name + "\""))
        << name;
  }
}

}  // namespace
}  // namespace temper
