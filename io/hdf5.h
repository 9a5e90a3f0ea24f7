// HDF5 files as owning objects with checked calls: plain contiguous datasets, integer and text
// attributes, groups. What a hostile or exotic file may also hold (chunks, filters, external and
// virtual storage, links, compound and variable-length types) is refused by name.
//
// The HDF5 library is not thread-safe: one thread of the process at a time. Datasets report where
// their bytes lie in the file, so that readers use pread and need the library only to open.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "io/atomic_file.h"

namespace temper {

// Element types, little-endian in the file.
enum class H5Type { kUInt8, kInt32, kInt64, kUInt64, kFloat32 };

size_t h5_type_size_bytes(H5Type type);

template <typename T>
constexpr H5Type h5_type_of() {
  if constexpr (std::is_same_v<T, uint8_t>) {
    return H5Type::kUInt8;
  } else if constexpr (std::is_same_v<T, int32_t>) {
    return H5Type::kInt32;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return H5Type::kInt64;
  } else if constexpr (std::is_same_v<T, uint64_t>) {
    return H5Type::kUInt64;
  } else {
    static_assert(std::is_same_v<T, float>, "no HDF5 type for this C++ type");
    return H5Type::kFloat32;
  }
}

// Owner of an HDF5 identifier of any kind.
class H5Handle {
 public:
  using Close = int (*)(int64_t);

  H5Handle() = default;
  H5Handle(int64_t id, Close closer) : id_(id), closer_(closer) {}
  ~H5Handle();
  H5Handle(H5Handle&& other) noexcept;
  H5Handle& operator=(H5Handle&& other) noexcept;

  int64_t get() const { return id_; }
  // Closes now and says whether the library accepted it (what was buffered may fail to be written).
  bool close();

 private:
  int64_t id_ = -1;
  Close closer_ = nullptr;
};

// A contiguous dataset of a fixed shape. "Rows" count along the first dim.
class H5Dataset {
 public:
  const std::vector<uint64_t>& shape() const { return shape_; }
  H5Type type() const { return type_; }
  uint64_t num_elements() const;
  uint64_t row_elements() const;  // elements in one row; 1 for a vector
  // First byte of the elements in the file. Elements are little-endian, row-major, back to back;
  // the whole range was checked to lie inside the file when a dataset is opened for reading.
  uint64_t file_offset() const { return file_offset_; }

  // Rows [begin, begin + count). T must be the dataset's type (checked).
  template <typename T>
  void write(uint64_t begin, uint64_t count, const T* data) {
    write_rows(begin, count, data, h5_type_of<T>());
  }
  template <typename T>
  void read(uint64_t begin, uint64_t count, T* data) const {
    read_rows(begin, count, data, h5_type_of<T>());
  }
  template <typename T>
  std::vector<T> read_all() const {
    std::vector<T> values(num_elements());
    if (!shape_.empty()) read(0, shape_[0], values.data());
    return values;
  }

 private:
  friend class H5Group;
  void write_rows(uint64_t begin, uint64_t count, const void* data, H5Type type);
  void read_rows(uint64_t begin, uint64_t count, void* data, H5Type type) const;
  H5Handle select_rows(uint64_t begin, uint64_t count) const;

  H5Handle handle_;
  std::string place_;  // "train.h5: tokens"
  std::vector<uint64_t> shape_;
  H5Type type_ = H5Type::kUInt8;
  uint64_t file_offset_ = 0;
};

// A group, the file's root among them. Names are single components without '/'. Reading: whatever
// is missing or of another kind is a UserError naming file and object. Writing: SystemError.
class H5Group {
 public:
  bool has(const std::string& name) const;  // a dataset or group of that name
  H5Group group(const std::string& name) const;
  // UserError unless it is contiguous, unfiltered, stored in this file, of a type of H5Type, and
  // wholly inside the file.
  H5Dataset dataset(const std::string& name) const;

  H5Group create_group(const std::string& name);
  // Space is reserved at once, and not filled: write every row.
  H5Dataset create_dataset(const std::string& name, H5Type type, std::vector<uint64_t> shape);

  bool has_attribute(const std::string& name) const;
  int64_t integer_attribute(const std::string& name) const;
  // A fixed-length string of at most `max_bytes`.
  std::string text_attribute(const std::string& name, size_t max_bytes = size_t{1} << 16) const;
  void set_attribute(const std::string& name, int64_t value);
  void set_attribute(const std::string& name, const std::string& value);  // up to 60,000 bytes

  // Text of any length, stored as a vector of bytes.
  void create_text(const std::string& name, const std::string& text);
  std::string text(const std::string& name, size_t max_bytes) const;

 private:
  friend class H5Reader;
  friend class H5Writer;
  std::string place_of(const std::string& name) const;

  H5Handle handle_;
  std::string place_;  // the file, and the group within it
};

// An existing file, opened read-only and without locking it.
class H5Reader {
 public:
  // UserError when it is missing or no HDF5 file.
  explicit H5Reader(const std::filesystem::path& path);

  const H5Group& root() const { return root_; }
  uint64_t file_size() const { return file_size_; }

 private:
  H5Handle file_;
  H5Group root_;
  uint64_t file_size_ = 0;
};

// A new file, mode 0600, written under a temporary name; it appears under its own by commit().
class H5Writer {
 public:
  explicit H5Writer(const std::filesystem::path& path);

  H5Group& root() { return root_; }
  // Closes, syncs, renames, syncs the directory. Datasets and groups of the file other than root()
  // must be gone by then. `append` may write what HDF5 does not see behind the end of the closed
  // file, which is open for reading and writing.
  void commit(const std::function<void(int fd, uint64_t end)>& append = {});

 private:
  std::filesystem::path path_;
  AtomicFile output_;
  H5Handle file_;
  H5Group root_;
};

}  // namespace temper
