#include "eval/held_out_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace temper {
namespace {

using testing::ElementsAre;

std::vector<std::string> names(const std::vector<std::string>& paths) {
  std::vector<DatasetEntry> entries;
  for (const std::string& path : paths) {
    entries.emplace_back();
    entries.back().path = path;
  }
  return held_out_names(entries, "test");
}

TEST(HeldOutNames, are_those_of_the_files) {
  EXPECT_THAT(names({"/data/a/medical.h5", "legal.h5"}), ElementsAre("test/medical", "test/legal"));
}

TEST(HeldOutNames, folders_tell_files_of_one_name_apart) {
  EXPECT_THAT(names({"/data/a/medical.h5", "/data/b/medical.h5", "/data/b/legal.h5"}),
              ElementsAre("test/a/medical", "test/b/medical", "test/legal"));
}

TEST(HeldOutNames, numbers_tell_apart_what_folders_do_not) {
  EXPECT_THAT(names({"/x/a/medical.h5", "/y/a/medical.h5", "/z/a/medical.h5"}),
              ElementsAre("test/a/medical", "test/a/medical-2", "test/a/medical-3"));
}

}  // namespace
}  // namespace temper
