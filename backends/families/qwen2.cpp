#include "backends/decoders/decoder_config.hpp"

namespace touchstone {
namespace {

/// "Qwen2 Technical Report", arXiv:2407.10671, and Qwen2.5, arXiv:2412.15115, in the layout of transformers'
/// Qwen2ForCausalLM: a Llama that always has biases on queries, keys and values, and has windows in its later layers
/// where use_sliding_window is true.
DecoderParts describe_qwen2(const ConfigReader& config, const LoadSettings&) {
  const auto sizes = read_decoder_sizes(config, {.max_length = 32768});
  auto parts = llama_parts(sizes);
  parts.ropes = {read_rope(config, {.dims = sizes.head_dim, .max_positions = sizes.max_length})};
  add_biases(parts, {.inputs = true});
  add_windows(parts, config, later_layers_slide(config));
  return parts;
}

}  // namespace

namespace plugins {
void qwen2(FamilyBook& book) {
  book.add("qwen2", decoder_family("qwen2", "Qwen2 and Qwen2.5, dense: biases on q, k and v, windows in later layers",
                                   {"Qwen2ForCausalLM"}, describe_qwen2));
}
}  // namespace plugins
}  // namespace touchstone
