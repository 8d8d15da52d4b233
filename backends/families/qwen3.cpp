#include "backends/decoders/decoder_config.hpp"

namespace touchstone {
namespace {

/// "Qwen3 Technical Report", arXiv:2505.09388, in the layout of transformers' Qwen3ForCausalLM: a Llama with an
/// independent head size and with norms of each head's queries and keys.
DecoderParts describe_qwen3(const ConfigReader& config, const LoadSettings&) {
  const auto sizes = read_decoder_sizes(config, {.head_dim = 128, .max_length = 32768});
  auto parts = llama_parts(sizes);
  parts.ropes = {read_rope(config, {.dims = sizes.head_dim, .max_positions = sizes.max_length})};
  add_biases(parts, {.attention = config.flag("attention_bias", false)});
  add_windows(parts, config, later_layers_slide(config));
  for (auto& block : parts.blocks) {
    block.attention.query_norm = unread_norm(sizes.head_dim, sizes.norm_epsilon);
    block.attention.key_norm = unread_norm(sizes.head_dim, sizes.norm_epsilon);
  }
  return parts;
}

}  // namespace

namespace plugins {
void qwen3(FamilyBook& book) {
  book.add("qwen3", decoder_family("qwen3", "Qwen3, dense: norms of queries and keys, heads of a size of their own",
                                   {"Qwen3ForCausalLM"}, describe_qwen3));
}
}  // namespace plugins
}  // namespace touchstone
