#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "harness/model/checkpoint.hpp"

namespace touchstone {

/// The names and defaults of Transformers' TrainingArguments.
struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  /// Factors of the rate by parameter name; 1 for parameters that are not named.
  std::map<std::string, double> rate_factors{};
};

/// Parameters by name; the handles are the model's own.
using NamedParameters = std::vector<std::pair<std::string, Tensor*>>;

/// AdamW with decoupled decay (Loshchilov and Hutter, arXiv 1711.05101), on LibTorch's fused kernel. Matrices decay;
/// norms and biases, which have one dimension, do not.
class AdamW {
 public:
  AdamW(NamedParameters parameters, const AdamWOptions& options);

  /// The Euclidean norm over all gradients, in double.
  double gradient_norm() const;

  /// One step on gradients divided by `divisor`; then the gradients are dropped. A parameter without a gradient is left
  /// as it is.
  void step(double learning_rate, double divisor);

  /// Moments by "exp_avg.NAME" and "exp_avg_sq.NAME", sharing storage; and how many steps each parameter has had.
  NamedTensors moments() const;
  std::int64_t steps() const { return steps_; }
  /// Restores what moments() and steps() gave. Throws Fault::checkpoint naming the tensor that is missing or of another
  /// shape.
  void restore(const NamedTensors& moments, std::int64_t steps);

 private:
  NamedParameters parameters_;
  AdamWOptions options_;
  std::vector<Tensor> first_;
  std::vector<Tensor> second_;
  std::int64_t steps_ = 0;
};

}  // namespace touchstone
