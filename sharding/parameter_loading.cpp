#include "sharding/parameter_loading.h"

#include <algorithm>

#include "common/error.h"

namespace temper {
namespace {

// Elements of a weight that pass through host memory at a time on their way to elsewhere.
constexpr int64_t kStagedElements = int64_t{1} << 22;

void read_piece(const WeightSource& source, const BucketParameter& parameter,
                const ShardPiece& piece, at::Tensor target) {
  const auto read = [&](int64_t begin, int64_t count, float* out) {
    source.read(parameter.name, parameter.shape, piece.parameter_begin + begin,
                piece.parameter_begin + begin + count, out);
  };
  if (target.is_cpu() && target.scalar_type() == at::kFloat) {
    return read(0, piece.count, target.data_ptr<float>());
  }
  const at::Tensor staged = at::empty({std::min(kStagedElements, piece.count)}, at::kFloat);
  for (int64_t begin = 0; begin < piece.count; begin += kStagedElements) {
    const int64_t count = std::min(kStagedElements, piece.count - begin);
    read(begin, count, staged.data_ptr<float>());
    target.narrow(0, begin, count).copy_(staged.narrow(0, 0, count));
  }
}

}  // namespace

void check_complete(const ParameterGroup& group, const WeightSource& source) {
  for (const BucketParameter& parameter : group.layout().parameters()) {
    if (source.contains(parameter.name)) continue;
    throw UserError("the weights have no {} of shape [{}]", parameter.name,
                    fmt::join(parameter.shape, ", "));
  }
}

void load_parameters(ParameterGroup& group, const WeightSource& source) {
  const BucketLayout& layout = group.layout();
  const ShardCoordinates& mine = group.coordinates();
  at::Tensor target = group.owns_shard() ? group.shard() : group.full();
  std::vector<ShardPiece> pieces;
  if (group.owns_shard()) {
    pieces = layout.pieces(mine.rank);
  } else if (group.placement() == Placement::kReplicated) {
    pieces = layout.pieces_between(0, layout.num_elements());
  } else {
    // The node's ranks read a share each of the one copy, which all of them see.
    const int64_t share = (layout.num_elements() + mine.node_size - 1) / mine.node_size;
    const int64_t begin = std::min(layout.num_elements(), share * mine.node_rank);
    const int64_t end = std::min(layout.num_elements(), begin + share);
    pieces = layout.pieces_between(begin, end);
    target = group.full().narrow(0, begin, end - begin);
  }
  for (const ShardPiece& piece : pieces) {
    read_piece(source, layout.parameters()[piece.parameter], piece,
               target.narrow(0, piece.shard_offset, piece.count));
  }
}

}  // namespace temper
