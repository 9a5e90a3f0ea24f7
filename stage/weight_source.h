// Weights come from here: a Hugging Face directory, an adapter, a checkpoint, an initialiser.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace temper {

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual bool contains(const std::string& name) const = 0;

  // Elements [begin, end) of the parameter in row-major order, as fp32. The caller has checked
  // contains(). Throws UserError when the stored shape is not `shape`.
  virtual void read(const std::string& name, const std::vector<int64_t>& shape, int64_t begin,
                    int64_t end, float* out) const = 0;
};

}  // namespace temper
