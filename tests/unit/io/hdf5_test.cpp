#include "io/hdf5.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cstring>
#include <ctime>
#include <functional>
#include <numeric>

#include "common/error.h"
#include "io/atomic_file.h"
#include "tests/fixtures/names.h"
#include "tests/fixtures/wait_until.h"
#include "tests/unit/error_text.h"
#include "tests/unit/temporary_directory.h"

namespace temper {
namespace {

using testing::ElementsAre;

std::vector<int32_t> numbered(size_t count) {
  std::vector<int32_t> values(count);
  std::iota(values.begin(), values.end(), -5);
  return values;
}

class Hdf5Test : public testing::Test {
 protected:
  // A file with what `make` puts into it by the library's own calls.
  std::filesystem::path foreign_file(const std::function<void(hid_t file)>& make) {
    const auto path = directory_ / "foreign.h5";
    const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    EXPECT_GE(file, 0);
    make(file);
    EXPECT_GE(H5Fclose(file), 0);
    return path;
  }
  std::string dataset_error(const std::filesystem::path& path, const std::string& name = "x") {
    const H5Reader reader(path);
    return error_text<UserError>([&] { reader.root().dataset(name); });
  }
  std::string dataset_error_of(const std::function<void(hid_t file)>& make) {
    return dataset_error(foreign_file(make));
  }

  TemporaryDirectory directory_;
  const std::filesystem::path path_ = directory_ / "a.h5";
};

// A dataset x of `type` with the given creation properties, holding zeros.
void make_dataset(hid_t file, hid_t type, hid_t properties, std::vector<hsize_t> dims = {8, 4},
                  const char* name = "x") {
  const hid_t space = H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr);
  const hid_t dataset = H5Dcreate2(file, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  ASSERT_GE(dataset, 0);
  const std::vector<char> zeros(1024);
  if (H5Tget_size(type) * 32 <= zeros.size()) {
    H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data());
  }
  H5Dclose(dataset);
  H5Sclose(space);
}

TEST_F(Hdf5Test, what_is_written_is_read) {
  const std::vector<int32_t> values = numbered(60);
  {
    H5Writer writer(path_);
    {
      H5Dataset rows = writer.root().create_dataset("rows", H5Type::kInt32, {10, 6});
      rows.write(4, 6, values.data() + 24);
      rows.write(0, 4, values.data());
      H5Group group = writer.root().create_group("meta");
      group.create_dataset("empty", H5Type::kUInt8, {0});
      group.set_attribute("count", int64_t{-3});
      writer.root().set_attribute("name", std::string("héllo"));
      writer.root().set_attribute("none", std::string());
      writer.root().create_text("long", std::string(100000, 'x'));
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
    writer.commit();
  }
  const H5Reader reader(path_);
  const H5Dataset rows = reader.root().dataset("rows");
  EXPECT_THAT(rows.shape(), ElementsAre(10, 6));
  EXPECT_EQ(rows.type(), H5Type::kInt32);
  EXPECT_EQ(rows.row_elements(), 6u);
  EXPECT_EQ(rows.read_all<int32_t>(), values);
  std::vector<int32_t> part(12);
  rows.read(3, 2, part.data());
  EXPECT_EQ(part, std::vector<int32_t>(values.begin() + 18, values.begin() + 30));
  EXPECT_EQ(reader.root().group("meta").dataset("empty").num_elements(), 0u);
  EXPECT_EQ(reader.root().group("meta").integer_attribute("count"), -3);
  EXPECT_EQ(reader.root().text_attribute("name"), "héllo");
  EXPECT_EQ(reader.root().text_attribute("none"), "");
  EXPECT_EQ(reader.root().text("long", 100000).size(), 100000u);
  EXPECT_EQ(reader.file_size(), std::filesystem::file_size(path_));
}

TEST_F(Hdf5Test, offset_is_where_pread_finds_the_elements) {
  const std::vector<int32_t> values = numbered(100000);
  uint64_t offset_when_written = 0;
  {
    H5Writer writer(path_);
    writer.root().create_text("before", "abc");
    {
      H5Dataset rows = writer.root().create_dataset("rows", H5Type::kInt32, {1000, 100});
      rows.write(0, 1000, values.data());
      offset_when_written = rows.file_offset();
    }
    writer.commit();
  }
  const uint64_t offset = H5Reader(path_).root().dataset("rows").file_offset();
  EXPECT_EQ(offset, offset_when_written);
  EXPECT_EQ(offset % 4096, 0u);
  const std::string bytes = read_file(path_);
  EXPECT_EQ(std::memcmp(bytes.data() + offset, values.data(), values.size() * 4), 0);
}

TEST_F(Hdf5Test, offset_counts_a_user_block) {
  const hid_t create = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_userblock(create, 512);
  const hid_t file = H5Fcreate(path_.c_str(), H5F_ACC_TRUNC, create, H5P_DEFAULT);
  make_dataset(file, H5T_STD_U8LE, H5P_DEFAULT, {4});
  const hid_t dataset = H5Dopen2(file, "x", H5P_DEFAULT);
  H5Dwrite(dataset, H5T_STD_U8LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, "find");
  H5Dclose(dataset);
  H5Fclose(file);
  H5Pclose(create);
  const uint64_t offset = H5Reader(path_).root().dataset("x").file_offset();
  EXPECT_EQ(read_file(path_).substr(offset, 4), "find");
}

TEST_F(Hdf5Test, same_content_gives_the_same_bytes) {
  const auto write = [](const std::filesystem::path& path) {
    H5Writer writer(path);
    writer.root().create_text("text", "abc");
    writer.root().set_attribute("version", int64_t{1});
    writer.commit();
    return read_file(path);
  };
  const std::string first = write(directory_ / "first.h5");
  // Time stamps count seconds.
  const std::time_t written = std::time(nullptr);
  ASSERT_TRUE(wait_until([&] { return std::time(nullptr) > written; }));
  EXPECT_TRUE(first == write(directory_ / "other.h5"));
}

TEST_F(Hdf5Test, file_is_private_and_appears_on_commit_only) {
  const auto path = directory_.write("a.h5", "old");
  {
    H5Writer writer(path);
    writer.root().create_text("text", "abc");
  }
  EXPECT_EQ(read_file(path), "old");
  EXPECT_EQ(directory_.num_entries(), 1u);
  H5Writer writer(path);
  writer.commit();
  struct stat info {};
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(directory_.num_entries(), 1u);
}

TEST_F(Hdf5Test, open_objects_keep_a_file_from_being_committed) {
  H5Writer writer(path_);
  const H5Dataset open = writer.root().create_dataset("x", H5Type::kUInt8, {1});
  EXPECT_THAT(error_text<InternalError>([&] { writer.commit(); }), names("a.h5", "1 objects"));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(Hdf5Test, attributes_are_replaced) {
  {
    H5Writer writer(path_);
    writer.root().set_attribute("n", int64_t{1});
    writer.root().set_attribute("n", int64_t{2});
    writer.commit();
  }
  EXPECT_EQ(H5Reader(path_).root().integer_attribute("n"), 2);
}

TEST_F(Hdf5Test, missing_and_mistaken_things_are_named) {
  {
    H5Writer writer(path_);
    writer.root().create_text("text", "abc");
    writer.root().create_group("group");
    writer.root().set_attribute("n", int64_t{1});
    writer.root().set_attribute("s", std::string("abc"));
    writer.commit();
  }
  const H5Reader reader(path_);
  const H5Group& root = reader.root();
  const auto text = [](auto&& action) { return error_text<UserError>(action); };
  EXPECT_TRUE(root.has("text"));
  EXPECT_FALSE(root.has("no"));
  EXPECT_TRUE(root.has_attribute("n"));
  EXPECT_FALSE(root.has_attribute("no"));
  EXPECT_THAT(text([&] { root.dataset("no"); }), names("a.h5: no ", "missing"));
  EXPECT_THAT(text([&] { root.dataset("group"); }), names("group: ", "dataset"));
  EXPECT_THAT(text([&] { root.group("text"); }), names("text: ", "group"));
  EXPECT_THAT(text([&] { root.integer_attribute("no"); }), names("attribute no ", "missing"));
  EXPECT_THAT(text([&] { root.integer_attribute("s"); }), names("attribute s", "64-bit"));
  EXPECT_THAT(text([&] { root.text_attribute("n"); }), names("attribute n", "fixed-length"));
  EXPECT_THAT(text([&] { root.text_attribute("s", 2); }),
              names("attribute s", "3 bytes", "1 to 2"));
  EXPECT_THAT(text([&] { root.text("text", 2); }), names("text: ", "2 bytes"));
  EXPECT_THAT(text([&] { root.dataset("text").read_all<int32_t>(); }),
              names("text: ", "another type"));
  EXPECT_THAT(text([&] { H5Reader{directory_ / "no.h5"}; }), names("no.h5", "No such file"));
  EXPECT_THAT(text([&] { H5Reader{directory_.path()}; }),
              names(directory_.path().string(), "regular file"));
  EXPECT_THAT(text([&] { H5Reader{directory_.write("text", "abc")}; }),
              names("text: ", "HDF5 file"));
}

TEST_F(Hdf5Test, chunked_filtered_compact_and_external_datasets_are_refused) {
  const auto refused = [&](const std::function<void(hid_t)>& set, const char* what) {
    EXPECT_THAT(dataset_error_of([&](hid_t file) {
                  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
                  set(properties);
                  make_dataset(file, H5T_STD_I32LE, properties);
                  H5Pclose(properties);
                }),
                names("x: ", what));
  };
  const hsize_t chunk[] = {2, 2};
  refused([&](hid_t p) { H5Pset_chunk(p, 2, chunk); }, "contiguously");
  refused([&](hid_t p) { H5Pset_chunk(p, 2, chunk), H5Pset_deflate(p, 6); }, "contiguously");
  refused([&](hid_t p) { H5Pset_layout(p, H5D_COMPACT); }, "contiguously");
  const auto outside = directory_.write("outside.bin", std::string(1024, 'x'));
  refused([&](hid_t p) { H5Pset_external(p, outside.c_str(), 0, 128); }, "other files");
}

TEST_F(Hdf5Test, virtual_datasets_are_refused) {
  EXPECT_THAT(dataset_error_of([&](hid_t file) {
                const hsize_t dims[] = {8, 4};
                const hid_t space = H5Screate_simple(2, dims, nullptr);
                const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
                H5Pset_virtual(properties, space, "other.h5", "y", space);
                make_dataset(file, H5T_STD_I32LE, properties);
                H5Pclose(properties);
                H5Sclose(space);
              }),
              names("x: ", "contiguously"));
}

TEST_F(Hdf5Test, other_element_types_are_refused) {
  const hid_t compound = H5Tcreate(H5T_COMPOUND, 8);
  H5Tinsert(compound, "a", 0, H5T_STD_I32LE);
  const hid_t variable = H5Tcopy(H5T_C_S1);
  H5Tset_size(variable, H5T_VARIABLE);
  for (const hid_t type : {H5T_STD_I32BE, H5T_STD_I16LE, H5T_STD_U32LE, H5T_IEEE_F64LE, compound}) {
    EXPECT_THAT(dataset_error_of([&](hid_t file) { make_dataset(file, type, H5P_DEFAULT); }),
                names("x: ", "u8, i32, i64, u64 or f32"));
  }
  EXPECT_THAT(
      dataset_error_of([&](hid_t file) { make_dataset(file, variable, H5P_DEFAULT, {100}); }),
      names("x: "));
  H5Tclose(compound);
  H5Tclose(variable);
}

TEST_F(Hdf5Test, links_are_not_followed) {
  {
    H5Writer other(directory_ / "other.h5");
    other.root().create_text("x", "secret");
    other.commit();
  }
  EXPECT_THAT(dataset_error_of([&](hid_t file) {
                H5Lcreate_external((directory_ / "other.h5").c_str(), "/x", file, "x", H5P_DEFAULT,
                                   H5P_DEFAULT);
              }),
              names("x is missing"));
  EXPECT_THAT(dataset_error_of([&](hid_t file) {
                make_dataset(file, H5T_STD_U8LE, H5P_DEFAULT, {4}, "y");
                H5Lcreate_soft("/y", file, "x", H5P_DEFAULT, H5P_DEFAULT);
              }),
              names("x is missing"));
}

TEST_F(Hdf5Test, scalar_and_unstored_datasets_are_refused) {
  EXPECT_THAT(
      dataset_error_of([](hid_t file) {
        const hid_t space = H5Screate(H5S_SCALAR);
        H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
      }),
      names("x: ", "dataspace"));
  EXPECT_THAT(
      dataset_error_of([](hid_t file) {  // never written, so never allocated
        const hsize_t dims[] = {hsize_t{1} << 40};
        const hid_t space = H5Screate_simple(1, dims, nullptr);
        H5Dclose(H5Dcreate2(file, "x", H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
      }),
      names("x: ", "1099511627776 bytes"));
}

TEST_F(Hdf5Test, attributes_of_other_kinds_are_refused) {
  const auto path = foreign_file([](hid_t file) {
    const hsize_t two = 2;
    const hid_t pair = H5Screate_simple(1, &two, nullptr), scalar = H5Screate(H5S_SCALAR);
    const hid_t variable = H5Tcopy(H5T_C_S1);
    H5Tset_size(variable, H5T_VARIABLE);
    const auto attribute = [&](const char* name, hid_t type, hid_t space) {
      H5Aclose(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT));
    };
    attribute("pair", H5T_STD_I64LE, pair);
    attribute("narrow", H5T_STD_I32LE, scalar);
    attribute("variable", variable, scalar);
    H5Tclose(variable);
    H5Sclose(pair);
    H5Sclose(scalar);
  });
  const H5Reader reader(path);
  const auto text = [](auto&& action) { return error_text<UserError>(action); };
  EXPECT_THAT(text([&] { reader.root().integer_attribute("pair"); }),
              names("attribute pair", "single value"));
  EXPECT_THAT(text([&] { reader.root().integer_attribute("narrow"); }),
              names("attribute narrow", "64-bit"));
  EXPECT_THAT(text([&] { reader.root().text_attribute("variable"); }),
              names("attribute variable", "fixed-length"));
}

TEST_F(Hdf5Test, truncated_files_are_refused) {
  {
    H5Writer writer(path_);
    {
      H5Dataset rows = writer.root().create_dataset("rows", H5Type::kInt32, {100000});
      rows.write(0, 100000, numbered(100000).data());
    }
    writer.commit();
  }
  for (const uint64_t size :
       {uint64_t{0}, uint64_t{50}, uint64_t{5000}, std::filesystem::file_size(path_) - 1}) {
    const auto path = directory_ / "cut.h5";
    std::filesystem::copy_file(path_, path, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, size);
    EXPECT_THROW(H5Reader(path).root().dataset("rows"), UserError) << size;
  }
}

TEST_F(Hdf5Test, readers_need_no_lock) {
  {
    H5Writer writer(path_);
    writer.root().create_text("x", "abc");
    writer.commit();
  }
  const FileDescriptor holder(open(path_.c_str(), O_RDONLY));
  ASSERT_EQ(flock(holder.get(), LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(H5Reader(path_).root().text("x", 10), "abc");
}

TEST_F(Hdf5Test, rows_outside_are_our_own_mistake) {
  H5Writer writer(path_);
  H5Dataset rows = writer.root().create_dataset("rows", H5Type::kInt32, {4, 2});
  const std::vector<int32_t> values(100);
  EXPECT_THROW(rows.write(3, 2, values.data()), InternalError);
  EXPECT_THROW(rows.write(0, 1, reinterpret_cast<const float*>(values.data())), InternalError);
}

}  // namespace
}  // namespace temper
