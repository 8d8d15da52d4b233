#pragma once
#include <memory>

#include "harness/model/family.hpp"

namespace touchstone {

/// Initialises a weight for training: matrices normal with standard deviation 0.02, biases zero, norms one. The values
/// depend only on the seed and the name.
void draw_weight(const std::string& name, Tensor& weight, std::uint64_t seed);

/// The model that a config.json describes, with weights drawn from a seed. `where` names the file in messages.
std::unique_ptr<Model> draw_model(const FamilyBook& families, const nlohmann::ordered_json& config,
                                  const std::string& where, std::uint64_t seed, const LoadSettings& settings);

/// A Llama of 34 million parameters (hidden 512, 8 layers, 8 heads, feed-forward 1408, vocabulary 8192, untied) with
/// normal weights of standard deviation 0.02 from a fixed seed: for benchmarks on a machine without checkpoints.
std::unique_ptr<Model> random_model(const FamilyBook& families, const LoadSettings& settings);

}  // namespace touchstone
