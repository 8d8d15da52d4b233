#include "backends/decoders/decoder_config.hpp"

namespace touchstone {
namespace {

/// "The Era of 1-bit LLMs", arXiv:2402.17764, with unpacked weights and activations that are not rounded, in the layout
/// of transformers' BitNetForCausalLM: a Llama with a norm before o_proj and one before down_proj.
DecoderParts describe_bitnet(const ConfigReader& config, const LoadSettings&) {
  const auto sizes = read_decoder_sizes(config, {.activation = "relu2", .norm_epsilon = 1e-5});
  auto parts = llama_parts(sizes);
  parts.ropes = {read_rope(config, {.dims = sizes.head_dim, .max_positions = sizes.max_length, .theta = 500000.0})};
  add_biases(parts, {.attention = config.flag("attention_bias", false)});
  for (auto& block : parts.blocks) {
    block.attention.output_norm = unread_norm(sizes.heads * sizes.head_dim, sizes.norm_epsilon);
    std::get<Gated>(block.feed_forward).product_norm = unread_norm(sizes.feed_forward, sizes.norm_epsilon);
  }
  return parts;
}

}  // namespace

namespace plugins {
void bitnet(FamilyBook& book) {
  book.add("bitnet", decoder_family("bitnet", "BitNet b1.58 with unpacked weights (float16 or bfloat16 ternary values)",
                                    {"BitNetForCausalLM"}, describe_bitnet));
}
}  // namespace plugins
}  // namespace touchstone
