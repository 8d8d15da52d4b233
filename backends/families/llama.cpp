#include "backends/decoders/decoder_config.hpp"

namespace touchstone {
namespace {

/// "LLaMA: Open and Efficient Foundation Language Models", arXiv:2302.13971, with grouped-query attention and the
/// rotary scalings of later versions, in the layout of transformers' LlamaForCausalLM.
DecoderParts describe_llama(const ConfigReader& config, const LoadSettings&) {
  const auto sizes = read_decoder_sizes(config, {});
  auto parts = llama_parts(sizes);
  parts.ropes = {read_rope(config, {.dims = sizes.head_dim, .max_positions = sizes.max_length})};
  add_biases(parts,
             {.attention = config.flag("attention_bias", false), .feed_forward = config.flag("mlp_bias", false)});
  return parts;
}

}  // namespace

namespace plugins {
void llama(FamilyBook& book) {
  book.add("llama", decoder_family("llama",
                                   "Llama 1 to 3.3 and what shares its layout (SmolLM2, TinyLlama): GQA, tied or "
                                   "untied head, rope default, linear, dynamic, llama3, yarn",
                                   {"LlamaForCausalLM"}, describe_llama));
}
}  // namespace plugins
}  // namespace touchstone
