#pragma once
#include <string>

#include "harness/model/tensor.hpp"

namespace touchstone {

/// The options of `touchstone bench`.
struct BenchOptions {
  std::string model;  ///< checkpoint folder; empty: random weights of 34 M parameters
  std::string dtype;
  std::string device;
  std::string ids;  ///< training only: JSON file of rows of token ids; empty: drawn from a fixed seed
  bool plain = false;
  double learning_rate = 0.0;
  int threads = 1;
  int batch = 0;
  int length = 0;
  int steps = 0;
  int answers = 0;  ///< "objectives" only: answers per record, where an objective reads several
};

/// Reads the options of kind "score", "decode", "train" or "objectives" from JSON text. Throws Fault::config.
BenchOptions read_bench_options(const std::string& kind, const std::string& json);

/// Operations per second of LibTorch's own matrix products on this machine, in this process, best of five; a product of
/// n x n matrices counts 2 n^3. Measured in float32 where LibTorch is slow at bfloat16.
double product_rate(at::ScalarType dtype);

/// The token ids of a row in a benchmark without a file: different in every row, the same in every run.
std::vector<std::int64_t> bench_ids(int row, int length, std::int64_t vocabulary);

}  // namespace touchstone
