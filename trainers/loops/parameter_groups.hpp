#pragma once
#include <vector>

#include "harness/train/session.hpp"
#include "trainers/loops/adamw.hpp"
#include "trainers/loops/optimizer_options.hpp"
#include "trainers/loops/resume.hpp"

namespace touchstone {

/// The parameters that a stage trains: the model's first, then those of modules beside it. Each group has its own
/// moments, learning rate and gradient norm, by which it is clipped.
class ParameterGroups {
 public:
  explicit ParameterGroups(const OptimizerOptions& options) : options_(options) {}

  /// A group without parameters is left out. From here on the parameters have gradients.
  void add(NamedParameters parameters, double learning_rate);
  void add(const Module& module);

  /// Throws Fault::checkpoint for a state that lacks a tensor or has it in another shape. A finished stage's state
  /// holds no moments and needs none.
  void restore(const TrainState& state, bool with_moments);
  void save(TrainState& state, bool with_moments) const;

  /// Norms of the groups' gradients divided by `divisor`, in the order of adding; zeros when it is zero.
  std::vector<double> norms(double divisor) const;
  /// One step of each group, at its rate times `factor`, on gradients divided by `divisor`; `norms` are theirs then.
  void step(double factor, double divisor, const std::vector<double>& norms);

 private:
  struct Group {
    NamedParameters parameters;
    double learning_rate;
    AdamW optimizer;
  };
  OptimizerOptions options_;
  std::vector<Group> groups_;
};

/// The groups of a stage that trains the session's model: its adapter's parameters where it carries one, otherwise the
/// weights of these modules (as trainable_parameters() takes them); then the session's modules. All other weights of
/// the model are frozen.
ParameterGroups trained_groups(Session& session, const std::vector<std::string>& modules,
                               const OptimizerOptions& options);

}  // namespace touchstone
