// The interface between a model and whatever drives it.
//
// A model is an ordered list of stages. Stages are functional: they own no weights. While a stage
// runs, its driver lends it gathered weights through WeightSlots; backward writes each trainable
// weight's gradient straight into the buffer that the slot names. The driver alone decides where
// weights live, when they are gathered and freed, and what happens to the gradients. Forward and
// backward are written by hand (autograd is their oracle in tests), so no saved graph can keep a
// weight alive.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arch/layout/weight_slot.h"
#include "stage/batch.h"

namespace temper {

// The weights of the stage that is running. Slot indices are those of Stage::slots().
class WeightSlots {
 public:
  virtual ~WeightSlots() = default;

  // The gathered weight, contiguous, of the slot's shape, fp32 or bf16 as the driver computes; read
  // only. Must not be kept after the stage returns.
  virtual at::Tensor weight(int64_t slot) const = 0;

  // The gradient of a trainable slot goes here: fp32 contiguous, of the slot's shape. Backward
  // overwrites it (beta = 0), every element, exactly once per micro-batch. The last stage, whose
  // backward follows its forward at once, may do so in a forward that saves.
  virtual at::Tensor gradient(int64_t slot) const = 0;
};

// A stage keeps this of its forward for its backward: activations, never weights.
struct SavedActivations {
  std::vector<at::Tensor> tensors;
};

class Stage {
 public:
  virtual ~Stage() = default;

  virtual const std::string& name() const = 0;
  virtual const std::vector<WeightSlot>& slots() const = 0;

  // x: [T, hidden] in the weights' type (undefined for the first stage, which reads batch.tokens).
  // Returns [T, hidden], or, for the last stage, the sum of the losses over all targets as a 0-dim
  // fp64 tensor. `saved` is null when no backward will follow.
  virtual at::Tensor forward(const WeightSlots& weights, const at::Tensor& x, const Batch& batch,
                             SavedActivations* saved) const = 0;

  // Whether backward reads a weight, or what forward saved. Otherwise a driver unshards nothing for
  // it.
  virtual bool backward_needs_forward() const { return true; }

  // grad_output: gradient of the loss SUM with respect to forward's result ([T, hidden]; undefined
  // for the last stage, whose output is the loss itself). Writes every trainable slot's gradient.
  // Returns the gradient with respect to x, or an undefined tensor when `need_grad_input` is false
  // (or for the first stage). May reuse grad_output's and `saved`'s memory; `saved` is spent.
  virtual at::Tensor backward(const WeightSlots& weights, const at::Tensor& x,
                              const at::Tensor& grad_output, const Batch& batch,
                              SavedActivations& saved, bool need_grad_input) const = 0;
};

using StageList = std::vector<std::unique_ptr<Stage>>;

}  // namespace temper
