// Training on GPUs beside the CPU: the same losses but for rounding, the same bits when it is done
// again, and a state that goes on elsewhere. Ranks may share a GPU.
#include <gtest/gtest.h>

#include "comm/nccl/gpu_devices.h"
#include "comm/nccl/nccl_process_group.h"
#include "tests/distributed/decoder_training.h"
#include "tests/distributed/world.h"

namespace temper {
namespace {

struct GpuGroup {
  GpuGroup() {
    const int count = find_gpus().count;
    const int index = world().node_rank() % count;
    select_gpu(index);
    device = at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    group = world().split(0, world().rank());
    const bool has_own = world().node_size() <= count;
    if (has_own && world().size() > 1) group = make_nccl_process_group(std::move(group), index);
  }
  at::Device device = at::kCPU;
  std::unique_ptr<ProcessGroup> group;
};

void expect_near(const DecoderOutcome& actual, const DecoderOutcome& expected, double tolerance) {
  ASSERT_EQ(actual.losses.size(), expected.losses.size());
  for (size_t step = 0; step < expected.losses.size(); ++step) {
    EXPECT_NEAR(actual.losses[step] / expected.losses[step], 1.0, tolerance) << step;
    EXPECT_NEAR(actual.norms[step] / expected.norms[step], 1.0, 5 * tolerance) << step;
  }
}

TEST(GpuTraining, LearnsWhatTheCpuLearns) {
  const GpuGroup gpu;
  const auto cpu = world().split(0, world().rank());
  for (const bool with_adapter : {false, true}) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      SCOPED_TRACE(fmt::format("{}, adapter {}", c10::toString(type), with_adapter));
      const DecoderOutcome on_gpu = train_decoder(*gpu.group, {}, {gpu.device, type}, with_adapter);
      const DecoderOutcome on_cpu = train_decoder(*cpu, {}, {at::kCPU, type}, with_adapter);
      expect_near(on_gpu, on_cpu, type == at::kFloat ? 1e-4 : 1e-2);
      const DecoderOutcome again = train_decoder(*gpu.group, {}, {gpu.device, type}, with_adapter);
      EXPECT_EQ(on_gpu.losses, again.losses);
      for (const auto& [name, weight] : on_gpu.weights) {
        EXPECT_TRUE(at::equal(weight, again.weights.at(name))) << name;
      }
    }
  }
}

// As a checkpoint does: through host memory.
TEST(GpuTraining, GoesOnOnTheCpu) {
  const GpuGroup gpu;
  const auto cpu = world().split(0, world().rank());
  const auto on_gpu_model = make_training_decoder(*gpu.group, {}, {gpu.device, at::kFloat}, false);
  ShardedModel& on_gpu = *on_gpu_model;
  DecoderOutcome before, gpu_after, cpu_after;
  train_steps(on_gpu, *gpu.group, 1, 2, before);
  on_gpu.update_host_shards();
  const auto on_cpu_model = make_training_decoder(*cpu, {}, {at::kCPU, at::kFloat}, false);
  ShardedModel& on_cpu = *on_cpu_model;
  for (size_t i = 0; i < on_gpu.host_shards().size(); ++i) {
    const TrainableShard& from = on_gpu.host_shards()[i];
    TrainableShard& to = on_cpu.trainable_shards()[i];
    to.weight.copy_(from.weight);
    to.adam_m.copy_(from.adam_m);
    to.adam_v.copy_(from.adam_v);
  }
  on_cpu.refresh();
  train_steps(on_gpu, *gpu.group, 3, 4, gpu_after);
  train_steps(on_cpu, *cpu, 3, 4, cpu_after);
  expect_near(gpu_after, cpu_after, 1e-4);
  // Back to where the copies were made.
  on_gpu.load_host_shards();
  on_gpu.refresh();
  DecoderOutcome repeated;
  train_steps(on_gpu, *gpu.group, 3, 4, repeated);
  EXPECT_EQ(repeated.losses, gpu_after.losses);
}

}  // namespace
}  // namespace temper
