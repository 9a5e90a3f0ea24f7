#include "config/reference/run_reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "config/config_keys.h"
#include "config/dataset_keys.h"
#include "config/foreign_keys.h"

namespace temper {
namespace {

using ::testing::HasSubstr;

TEST(RunReference, has_every_key_with_meaning_range_and_aliases) {
  const std::string page = run_reference();
  for (const ConfigKey& key : config_keys()) {
    const size_t begin = page.find("\n### " + key.name + "\n");
    ASSERT_NE(begin, page.npos) << key.name;
    const std::string entry = page.substr(begin, page.find("\n#", begin + 2) - begin);
    EXPECT_THAT(entry, HasSubstr(key.meaning));
    EXPECT_THAT(entry, HasSubstr(key.range.described()));
    EXPECT_THAT(entry, HasSubstr(key.default_note));
    EXPECT_THAT(entry, HasSubstr(key.since));
    for (const std::string& alias : key.aliases) EXPECT_THAT(entry, HasSubstr("`" + alias + "`"));
    for (const std::string& choice : key.choices) EXPECT_THAT(entry, HasSubstr(choice));
  }
  for (const DatasetKey& key : dataset_keys()) {
    EXPECT_THAT(page, HasSubstr("- `" + key.name + "`: " + key.meaning));
  }
  for (const auto& [name, advice] : foreign_keys()) {
    EXPECT_THAT(page, HasSubstr("| `" + name + "` | " + advice + " |"));
  }
}

TEST(RunReference, the_page_in_docs_is_the_one_that_this_version_writes) {
  std::ifstream file(TEMPER_SOURCE_DIR "/docs/reference/run_yaml.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(page == run_reference())
      << "write it again: temper schema --markdown > docs/reference/run_yaml.md";
}

}  // namespace
}  // namespace temper
