// Notices, while weights are read, which tensors hold numbers that are NaN or infinite.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace temper {

class NonFiniteTensors {
 public:
  NonFiniteTensors();
  ~NonFiniteTensors();
  NonFiniteTensors(NonFiniteTensors&&) noexcept;
  NonFiniteTensors& operator=(NonFiniteTensors&&) noexcept;

  // May be called by several threads at once.
  void look(const std::string& name, const float* values, int64_t count) const;
  std::vector<std::string> names() const;  // sorted

 private:
  struct Found;
  std::unique_ptr<Found> found_;
};

// One warning that names the first of them; none when the list is empty.
void warn_of_non_finite(const std::string& place, const std::vector<std::string>& names);

}  // namespace temper
