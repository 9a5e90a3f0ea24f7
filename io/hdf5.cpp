#include "io/hdf5.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <limits>

#include "common/error.h"

namespace temper {

static_assert(std::is_same_v<hid_t, int64_t> && std::is_same_v<herr_t, int>);

namespace {

constexpr uint64_t kMaxRank = 8;
constexpr size_t kMaxAttributeBytes = 60'000;  // what fits into an object's header
// Rows of large datasets begin at a page, for direct I/O.
constexpr hsize_t kAlignmentThreshold = 1 << 16, kAlignmentBytes = 4096;

herr_t remember_innermost(unsigned, const H5E_error2_t* error, void* text) {
  if (error->desc != nullptr) *static_cast<std::string*>(text) = error->desc;
  return 0;
}

// Keeps the reason of a failed system call and leaves out the times and addresses that the library
// adds over two lines.
std::string shortened(const std::string& text) {
  static const std::string kBefore = "error message = '";
  const size_t begin = text.find(kBefore);
  if (begin == text.npos) return text.substr(0, text.find('\n'));
  const size_t reason = begin + kBefore.size();
  return text.substr(reason, text.find('\'', reason) - reason);
}

// What the library says went wrong last.
std::string hdf5_error_text() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, remember_innermost, &text);
  H5Eclear2(H5E_DEFAULT);
  return text.empty() ? "HDF5 gives no reason" : shortened(text);
}

template <typename ErrorType>
int64_t checked(int64_t result, const std::string& place, const char* action) {
  if (result < 0) throw ErrorType("{}: cannot {}: {}", place, action, hdf5_error_text());
  return result;
}

// Reading blames the file, writing the outside world.
constexpr auto readable = checked<UserError>;
constexpr auto written = checked<SystemError>;

hid_t file_type(H5Type type) {
  switch (type) {
    case H5Type::kUInt8:
      return H5T_STD_U8LE;
    case H5Type::kInt32:
      return H5T_STD_I32LE;
    case H5Type::kInt64:
      return H5T_STD_I64LE;
    case H5Type::kUInt64:
      return H5T_STD_U64LE;
    case H5Type::kFloat32:
      return H5T_IEEE_F32LE;
  }
  return H5I_INVALID_HID;
}

constexpr std::array<H5Type, 5> kTypes = {H5Type::kUInt8, H5Type::kInt32, H5Type::kInt64,
                                          H5Type::kUInt64, H5Type::kFloat32};

// Errors come as exceptions instead of a printed stack. Handles close everything; the library's own
// clean-up at exit would crash over a file whose last flush failed (full disk).
void silence_library() {
  static const bool done = [] {
    H5dont_atexit();
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(done);
}

void check_name(const std::string& name) {
  TEMPER_CHECK(
      !name.empty() && name != "." && name.find('/') == name.npos && name.find('\0') == name.npos,
      "HDF5 name \"{}\"", name);
}

H5Handle scalar_space() {
  return H5Handle(H5Screate(H5S_SCALAR), H5Sclose);
}

// False when the product does not fit.
bool count_elements(const std::vector<uint64_t>& shape, uint64_t& count) {
  count = 1;
  for (const uint64_t dim : shape) {
    if (__builtin_mul_overflow(count, dim, &count)) return false;
  }
  return true;
}

std::vector<uint64_t> read_shape(hid_t dataset, const std::string& place) {
  const H5Handle space(readable(H5Dget_space(dataset), place, "read the dataspace"), H5Sclose);
  if (H5Sget_simple_extent_type(space.get()) != H5S_SIMPLE) {
    throw UserError("{}: not a simple dataspace", place);
  }
  const int64_t rank = readable(H5Sget_simple_extent_ndims(space.get()), place, "read the rank");
  if (rank < 1 || rank > static_cast<int64_t>(kMaxRank)) {
    throw UserError("{}: {} dims, expected 1 to {}", place, rank, kMaxRank);
  }
  std::array<hsize_t, kMaxRank> dims{};
  readable(H5Sget_simple_extent_dims(space.get(), dims.data(), nullptr), place, "read the shape");
  return {dims.begin(), dims.begin() + rank};
}

H5Type read_type(hid_t dataset, const std::string& place) {
  const H5Handle type(readable(H5Dget_type(dataset), place, "read the type"), H5Tclose);
  for (const H5Type candidate : kTypes) {
    if (H5Tequal(type.get(), file_type(candidate)) > 0) return candidate;
  }
  throw UserError("{}: elements are not u8, i32, i64, u64 or f32 (little-endian)", place);
}

void check_storage(hid_t dataset, const std::string& place) {
  const H5Handle plist(readable(H5Dget_create_plist(dataset), place, "read its properties"),
                       H5Pclose);
  if (H5Pget_layout(plist.get()) != H5D_CONTIGUOUS) {
    throw UserError("{}: not stored contiguously", place);
  }
  if (H5Pget_nfilters(plist.get()) != 0) throw UserError("{}: has filters", place);
  if (H5Pget_external_count(plist.get()) != 0) {
    throw UserError("{}: is stored in other files", place);
  }
}

// The size of the file itself, not what its superblock claims.
uint64_t size_on_disk(hid_t object, const std::string& place) {
  const H5Handle file(readable(H5Iget_file_id(object), place, "find its file"), H5Fclose);
  void* fd = nullptr;
  readable(H5Fget_vfd_handle(file.get(), H5P_DEFAULT, &fd), place, "find its descriptor");
  struct stat info {};
  if (fstat(*static_cast<int*>(fd), &info) != 0) {
    throw SystemError("{}: {}", place, errno_text(errno));
  }
  return static_cast<uint64_t>(info.st_size);
}

// The first byte in the file, after checking that all of `num_bytes` lies inside it.
uint64_t read_offset(hid_t dataset, uint64_t num_bytes, const std::string& place) {
  if (num_bytes == 0) return 0;
  const haddr_t offset = H5Dget_offset(dataset);
  if (offset == HADDR_UNDEF || H5Dget_storage_size(dataset) != num_bytes) {
    H5Eclear2(H5E_DEFAULT);
    throw UserError("{}: its {} bytes are not all stored", place, num_bytes);
  }
  const uint64_t file_size = size_on_disk(dataset, place);
  if (offset > file_size || num_bytes > file_size - offset) {
    throw UserError("{}: reaches past the end of the file: was it cut off?", place);
  }
  return offset;
}

H5Handle open_attribute(hid_t object, const std::string& name, const std::string& place) {
  if (H5Aexists(object, name.c_str()) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    throw UserError("{} is missing", place);
  }
  H5Handle attribute(readable(H5Aopen(object, name.c_str(), H5P_DEFAULT), place, "open it"),
                     H5Aclose);
  const H5Handle space(readable(H5Aget_space(attribute.get()), place, "read the dataspace"),
                       H5Sclose);
  if (H5Sget_simple_extent_type(space.get()) != H5S_SCALAR) {
    throw UserError("{}: not a single value", place);
  }
  return attribute;
}

void replace_attribute(hid_t object, const std::string& name, hid_t type, const void* value,
                       const std::string& place) {
  if (H5Aexists(object, name.c_str()) > 0) {
    written(H5Adelete(object, name.c_str()), place, "replace it");
  }
  const H5Handle space = scalar_space();
  const H5Handle attribute(
      written(H5Acreate2(object, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), place,
              "create it"),
      H5Aclose);
  written(H5Awrite(attribute.get(), type, value), place, "write it");
}

// A hard link to an object of the wanted kind: soft and external links could lead anywhere.
bool is_linked(hid_t group, const std::string& name) {
  H5L_info_t link{};
  const bool found = H5Lexists(group, name.c_str(), H5P_DEFAULT) > 0 &&
                     H5Lget_info(group, name.c_str(), &link, H5P_DEFAULT) >= 0;
  H5Eclear2(H5E_DEFAULT);
  return found && link.type == H5L_TYPE_HARD;
}

H5Handle open_object(hid_t group, const std::string& name, H5I_type_t kind,
                     const std::string& place) {
  check_name(name);
  if (!is_linked(group, name)) throw UserError("{} is missing (or only a link)", place);
  H5Handle object(readable(H5Oopen(group, name.c_str(), H5P_DEFAULT), place, "open it"), H5Oclose);
  if (H5Iget_type(object.get()) != kind) {
    throw UserError("{}: not a {}", place, kind == H5I_GROUP ? "group" : "dataset");
  }
  return object;
}

H5Handle reading_properties() {
  H5Handle properties(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
#if H5_VERSION_GE(1, 10, 7)
  // Readers need no lock, and network file systems without locks must not stop them.
  H5Pset_file_locking(properties.get(), false, true);
#endif
  return properties;
}

}  // namespace

size_t h5_type_size_bytes(H5Type type) {
  switch (type) {
    case H5Type::kUInt8:
      return 1;
    case H5Type::kInt32:
    case H5Type::kFloat32:
      return 4;
    case H5Type::kInt64:
    case H5Type::kUInt64:
      return 8;
  }
  return 0;
}

H5Handle::~H5Handle() {
  close();
}

H5Handle::H5Handle(H5Handle&& other) noexcept
    : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}

H5Handle& H5Handle::operator=(H5Handle&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(closer_, other.closer_);
  return *this;
}

bool H5Handle::close() {
  const int64_t id = std::exchange(id_, -1);
  return id < 0 || closer_(id) >= 0;
}

uint64_t H5Dataset::num_elements() const {
  uint64_t count = 0;
  TEMPER_CHECK(count_elements(shape_, count));
  return count;
}

uint64_t H5Dataset::row_elements() const {
  uint64_t count = 1;
  for (size_t dim = 1; dim < shape_.size(); ++dim) count *= shape_[dim];
  return count;
}

H5Handle H5Dataset::select_rows(uint64_t begin, uint64_t count) const {
  TEMPER_CHECK(begin <= shape_[0] && count <= shape_[0] - begin, "rows [{}, +{}) of {}", begin,
               count, place_);
  std::vector<hsize_t> start(shape_.size(), 0), extent(shape_.begin(), shape_.end());
  start[0] = begin;
  extent[0] = count;
  H5Handle space(H5Dget_space(handle_.get()), H5Sclose);
  TEMPER_CHECK(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr,
                                   extent.data(), nullptr) >= 0,
               "{}", place_);
  return space;
}

void H5Dataset::write_rows(uint64_t begin, uint64_t count, const void* data, H5Type type) {
  TEMPER_CHECK(type == type_, "{} has elements of another type", place_);
  if (count == 0 || row_elements() == 0) return;
  const H5Handle space = select_rows(begin, count);
  const hsize_t num_elements = count * row_elements();
  const H5Handle memory(H5Screate_simple(1, &num_elements, nullptr), H5Sclose);
  written(H5Dwrite(handle_.get(), file_type(type), memory.get(), space.get(), H5P_DEFAULT, data),
          place_, "write");
}

void H5Dataset::read_rows(uint64_t begin, uint64_t count, void* data, H5Type type) const {
  if (type != type_) throw UserError("{}: elements are of another type than expected", place_);
  if (count == 0 || row_elements() == 0) return;
  const H5Handle space = select_rows(begin, count);
  const hsize_t num_elements = count * row_elements();
  const H5Handle memory(H5Screate_simple(1, &num_elements, nullptr), H5Sclose);
  readable(H5Dread(handle_.get(), file_type(type), memory.get(), space.get(), H5P_DEFAULT, data),
           place_, "read");
}

std::string H5Group::place_of(const std::string& name) const {
  return fmt::format("{}: {}", place_, name);
}

bool H5Group::has(const std::string& name) const {
  check_name(name);
  return is_linked(handle_.get(), name);
}

H5Group H5Group::group(const std::string& name) const {
  H5Group group;
  group.place_ = fmt::format("{}/{}", place_, name);
  group.handle_ = open_object(handle_.get(), name, H5I_GROUP, group.place_);
  return group;
}

H5Dataset H5Group::dataset(const std::string& name) const {
  H5Dataset dataset;
  const std::string place = place_of(name);
  dataset.place_ = place;
  dataset.handle_ = open_object(handle_.get(), name, H5I_DATASET, place);
  const hid_t id = dataset.handle_.get();
  check_storage(id, place);
  dataset.shape_ = read_shape(id, place);
  dataset.type_ = read_type(id, place);
  uint64_t num_bytes = 0;
  if (!count_elements(dataset.shape_, num_bytes) ||
      __builtin_mul_overflow(num_bytes, h5_type_size_bytes(dataset.type_), &num_bytes)) {
    throw UserError("{}: its shape overflows", place);
  }
  dataset.file_offset_ = read_offset(id, num_bytes, place);
  return dataset;
}

H5Group H5Group::create_group(const std::string& name) {
  check_name(name);
  H5Group group;
  group.place_ = fmt::format("{}/{}", place_, name);
  group.handle_ = H5Handle(
      written(H5Gcreate2(handle_.get(), name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
              group.place_, "create the group"),
      H5Gclose);
  return group;
}

H5Dataset H5Group::create_dataset(const std::string& name, H5Type type,
                                  std::vector<uint64_t> shape) {
  check_name(name);
  TEMPER_CHECK(!shape.empty() && shape.size() <= kMaxRank, "{} dims", shape.size());
  H5Dataset dataset;
  dataset.place_ = place_of(name);
  dataset.type_ = type;
  dataset.shape_ = std::move(shape);
  const std::vector<hsize_t> dims(dataset.shape_.begin(), dataset.shape_.end());
  const H5Handle space(
      written(H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), dataset.place_,
              "describe the shape"),
      H5Sclose);
  const H5Handle properties(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  written(H5Pset_layout(properties.get(), H5D_CONTIGUOUS), dataset.place_, "set the layout");
  written(H5Pset_alloc_time(properties.get(), H5D_ALLOC_TIME_EARLY), dataset.place_,
          "reserve space");
  written(H5Pset_fill_time(properties.get(), H5D_FILL_TIME_NEVER), dataset.place_, "skip filling");
  // No time stamps: the same content gives the same bytes.
  written(H5Pset_obj_track_times(properties.get(), false), dataset.place_, "drop time stamps");
  dataset.handle_ =
      H5Handle(written(H5Dcreate2(handle_.get(), name.c_str(), file_type(type), space.get(),
                                  H5P_DEFAULT, properties.get(), H5P_DEFAULT),
                       dataset.place_, "create the dataset"),
               H5Dclose);
  if (dataset.num_elements() > 0) dataset.file_offset_ = H5Dget_offset(dataset.handle_.get());
  return dataset;
}

bool H5Group::has_attribute(const std::string& name) const {
  return H5Aexists(handle_.get(), name.c_str()) > 0;
}

int64_t H5Group::integer_attribute(const std::string& name) const {
  const std::string place = fmt::format("{}: attribute {}", place_, name);
  const H5Handle attribute = open_attribute(handle_.get(), name, place);
  const H5Handle type(readable(H5Aget_type(attribute.get()), place, "read the type"), H5Tclose);
  if (H5Tequal(type.get(), H5T_STD_I64LE) <= 0) {
    throw UserError("{}: not a 64-bit signed integer", place);
  }
  int64_t value = 0;
  readable(H5Aread(attribute.get(), H5T_NATIVE_INT64, &value), place, "read it");
  return value;
}

std::string H5Group::text_attribute(const std::string& name, size_t max_bytes) const {
  const std::string place = fmt::format("{}: attribute {}", place_, name);
  const H5Handle attribute = open_attribute(handle_.get(), name, place);
  const H5Handle type(readable(H5Aget_type(attribute.get()), place, "read the type"), H5Tclose);
  if (H5Tget_class(type.get()) != H5T_STRING || H5Tis_variable_str(type.get()) != 0) {
    throw UserError("{}: not a fixed-length string", place);
  }
  const size_t size = H5Tget_size(type.get());
  if (size == 0 || size > max_bytes) {
    throw UserError("{}: {} bytes, expected 1 to {}", place, size, max_bytes);
  }
  std::string text(size, '\0');
  readable(H5Aread(attribute.get(), type.get(), text.data()), place, "read it");
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

void H5Group::set_attribute(const std::string& name, int64_t value) {
  replace_attribute(handle_.get(), name, H5T_STD_I64LE, &value,
                    fmt::format("{}: attribute {}", place_, name));
}

void H5Group::set_attribute(const std::string& name, const std::string& value) {
  const std::string place = fmt::format("{}: attribute {}", place_, name);
  TEMPER_CHECK(value.size() <= kMaxAttributeBytes, "{} has {} bytes", place, value.size());
  const H5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
  // HDF5 has no strings of no bytes.
  const std::string stored = value.empty() ? std::string(1, '\0') : value;
  written(H5Tset_size(type.get(), stored.size()), place, "set the length");
  written(H5Tset_strpad(type.get(), H5T_STR_NULLPAD), place, "set the padding");
  written(H5Tset_cset(type.get(), H5T_CSET_UTF8), place, "set the character set");
  replace_attribute(handle_.get(), name, type.get(), stored.data(), place);
}

void H5Group::create_text(const std::string& name, const std::string& text) {
  H5Dataset dataset = create_dataset(name, H5Type::kUInt8, {text.size()});
  dataset.write(0, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
}

std::string H5Group::text(const std::string& name, size_t max_bytes) const {
  const H5Dataset stored = dataset(name);
  if (stored.shape().size() != 1 || stored.num_elements() > max_bytes) {
    throw UserError("{}: expected at most {} bytes of text", place_of(name), max_bytes);
  }
  std::string text(stored.num_elements(), '\0');
  stored.read(0, text.size(), reinterpret_cast<uint8_t*>(text.data()));
  return text;
}

H5Reader::H5Reader(const std::filesystem::path& path) {
  silence_library();
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    throw UserError("cannot read {}: {}", path.native(), errno_text(errno));
  }
  if (!S_ISREG(info.st_mode)) {
    throw UserError("cannot read {}: it is not a regular file", path.native());
  }
  file_size_ = static_cast<uint64_t>(info.st_size);
  const std::string& place = path.native();
  const H5Handle properties = reading_properties();
  file_ = H5Handle(readable(H5Fopen(path.c_str(), H5F_ACC_RDONLY, properties.get()), place,
                            "open it as an HDF5 file"),
                   H5Fclose);
  root_.place_ = place;
  root_.handle_ =
      H5Handle(readable(H5Gopen2(file_.get(), "/", H5P_DEFAULT), place, "open its root"), H5Gclose);
}

H5Writer::H5Writer(const std::filesystem::path& path) : path_(path), output_(path) {
  silence_library();
  const H5Handle properties = reading_properties();
  H5Pset_alignment(properties.get(), kAlignmentThreshold, kAlignmentBytes);
  // It is there already: the library would give it the mode that umask leaves.
  const hid_t id =
      H5Fcreate(output_.temporary_path().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, properties.get());
  if (id < 0) {
    throw SystemError("cannot create {}: {}", output_.temporary_path().native(), hdf5_error_text());
  }
  file_ = H5Handle(id, H5Fclose);
  root_.place_ = path.native();
  root_.handle_ =
      H5Handle(written(H5Gopen2(id, "/", H5P_DEFAULT), path.native(), "open its root"), H5Gclose);
}

void H5Writer::commit(const std::function<void(int fd, uint64_t end)>& append) {
  // The root group is ours; anything else would keep the library from closing the file.
  const ssize_t still_open = H5Fget_obj_count(
      file_.get(), H5F_OBJ_DATASET | H5F_OBJ_GROUP | H5F_OBJ_DATATYPE | H5F_OBJ_ATTR);
  TEMPER_CHECK(still_open == 1, "{}: {} objects are still open", path_.native(), still_open - 1);
  written(H5Fflush(file_.get(), H5F_SCOPE_GLOBAL), path_.native(), "write it out");
  if (!root_.handle_.close() || !file_.close()) {
    throw SystemError("{}: cannot close it: {}", path_.native(), hdf5_error_text());
  }
  struct stat info {};
  if (fstat(output_.fd(), &info) != 0) {
    throw SystemError("{}: cannot see its size: {}", path_.native(), errno_text(errno));
  }
  if (append) append(output_.fd(), static_cast<uint64_t>(info.st_size));
  output_.commit();
}

}  // namespace temper
