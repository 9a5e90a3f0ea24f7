// Stands for operators.cpp in a build without CUDA.
#include "kernels/operators.h"

namespace temper {

const Operators& cuda_operators() {
  return reference_operators();
}

}  // namespace temper
