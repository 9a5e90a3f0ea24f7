// Files that other software wrote: what is read must be writable again to the same bytes.
#include <gtest/gtest.h>

#include "io/atomic_file.h"
#include "io/input/text_input.h"
#include "io/json.h"
#include "io/safetensors/safetensors_directory.h"
#include "io/safetensors/safetensors_file.h"
#include "io/safetensors/safetensors_writer.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

namespace fs = std::filesystem;

const fs::path kMaterial = TEMPER_ACCEPTANCE_DIR;

std::vector<fs::path> files_below(const fs::path& directory, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  return files;
}

TEST(IoAcceptanceTest, safetensors_files_are_rewritten_to_the_same_bytes) {
  const TemporaryDirectory directory;
  const auto files = files_below(kMaterial / "fixtures/models", ".safetensors");
  EXPECT_GE(files.size(), 40u);
  for (const fs::path& path : files) {
    const SafetensorsFile file(path);
    std::vector<SafetensorsWriter::Entry> entries;
    for (const auto& [name, info] : file.tensors())
      entries.push_back({name, info.dtype, info.shape});
    SafetensorsWriter writer(directory / "copy", entries, file.metadata());
    for (const auto& [name, info] : file.tensors()) writer.write(name, 0, file.bytes(name));
    writer.finish();
    EXPECT_TRUE(read_file(directory / "copy") == read_file(path)) << path;
  }
}

TEST(IoAcceptanceTest, every_model_directory_opens) {
  int num_models = 0;
  for (const auto& entry : fs::directory_iterator(kMaterial / "fixtures/models")) {
    if (!entry.is_directory()) continue;
    ++num_models;
    const SafetensorsDirectory weights(entry.path());
    EXPECT_TRUE(weights.contains("model.embed_tokens.weight")) << entry.path();
    EXPECT_GE(weights.names().size(), 20u) << entry.path();
  }
  EXPECT_GE(num_models, 7);
}

TEST(IoAcceptanceTest, json_files_parse_in_both_orders) {
  auto files = files_below(kMaterial / "fixtures", ".json");
  for (const fs::path& path : files_below(kMaterial / "tokenizers", ".json")) files.push_back(path);
  EXPECT_GE(files.size(), 30u);
  for (const fs::path& path : files) {
    const std::string text = read_file(path);
    const Json expected = Json::parse(text);
    EXPECT_TRUE(parse_json(text, path.native()) == expected) << path;
    // The order itself is compared in small files only: the library's own ordered parser is
    // quadratic.
    const OrderedJson ordered = parse_ordered_json(text, path.native());
    EXPECT_TRUE(Json::parse(ordered.dump()) == expected) << path;
    if (text.size() < 100'000) {
      EXPECT_EQ(ordered.dump(), OrderedJson::parse(text).dump()) << path;
    }
  }
}

TEST(IoAcceptanceTest, compressed_corpus_is_read_to_its_end) {
  LineReader reader(kMaterial / "data/medquad.jsonl.gz");
  std::string line;
  while (reader.next(line)) EXPECT_TRUE(parse_json(line, "medquad").is_object());
  EXPECT_EQ(reader.line_number(), 15486);
}

}  // namespace
}  // namespace temper
