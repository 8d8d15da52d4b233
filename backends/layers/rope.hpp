#pragma once
// Rotary position embedding with the scalings of the Llama family, as Hugging Face transformers computes them.
#include <cstdint>
#include <string>
#include <vector>

#include "harness/model/tensor.hpp"

namespace touchstone {

class ConfigReader;

/// The map from positions to angles.
struct Rope {
  std::string type = "default";  ///< default | linear | dynamic | llama3 | yarn
  double theta = 10000.0;
  double factor = 1.0;
  std::int64_t dims = 0;                ///< this many first dimensions of a head rotate
  bool neighbours = false;              ///< pairs (2j, 2j + 1); otherwise (j, j + dims / 2)
  std::int64_t max_positions = 0;       ///< max_position_embeddings
  std::int64_t original_positions = 0;  ///< context length of the pre-training (llama3, yarn)
  double low_frequency_factor = 1.0;    ///< llama3
  double high_frequency_factor = 4.0;   ///< llama3
  double beta_fast = 32.0;              ///< yarn
  double beta_slow = 1.0;               ///< yarn
  bool truncate = true;                 ///< yarn: whole numbers for the ends of the ramp
  double attention_factor = 1.0;        ///< multiplies cos and sin (yarn)
};

/// A family's defaults for rope keys that a file may leave out.
struct RopeDefaults {
  std::int64_t dims = 0;
  std::int64_t max_positions = 0;
  double theta = 10000.0;
  std::string theta_key = "rope_theta";  ///< before transformers 5
  bool scaled = true;           ///< whether "rope_scaling", which names no kind of layers, applies to this rope
  std::string layer_type = "";  ///< "sliding_attention": that entry, where the file has one per kind of layer
};

/// Reads "rope_parameters" (transformers 5) or "rope_scaling" and "rope_theta" (before). Throws Fault::checkpoint for a
/// type that is not known and for numbers out of range.
Rope read_rope(const ConfigReader& config, const RopeDefaults& defaults);

/// Angle per position of each pair of dimensions, dims / 2 of them. `length` is the length of the whole sequence; only
/// "dynamic" uses it (beyond max_positions the base grows with it).
std::vector<float> inverse_frequencies(const Rope& rope, std::int64_t length);

/// cos and sin of all tokens of packed documents.
struct RopeTables {
  Tensor cos;  ///< [N, dims / 2] float32, attention_factor included
  Tensor sin;
};

/// Positions [first[d], first[d] + count[d]) of each document d, one after another.
RopeTables rope_tables(const Rope& rope, const std::vector<std::int64_t>& first, const std::vector<std::int64_t>& count,
                       const at::Device& device);

/// x [N, heads, d] rotated.
Tensor apply_rope(const Tensor& x, const Rope& rope, const RopeTables& tables);

}  // namespace touchstone
