#pragma once
#include <memory>

#include "harness/model/family.hpp"

namespace touchstone {

/// A Llama of 34 million parameters (hidden 512, 8 layers, 8 heads, feed-forward 1408, vocabulary 8192, untied) with
/// normal weights of standard deviation 0.02 from a fixed seed: for benchmarks on a machine without checkpoints.
std::unique_ptr<Model> random_model(const FamilyBook& families, const LoadSettings& settings);

}  // namespace touchstone
