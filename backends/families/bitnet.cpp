#include "backends/layers/decoder_config.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

/// "The Era of 1-bit LLMs", arXiv:2402.17764, with unpacked weights and activations that are not rounded, in the layout
/// of transformers' BitNetForCausalLM: a Llama with a norm before o_proj and one before down_proj.
std::unique_ptr<Model> build_bitnet(const Json& config, const std::string& where, const Weights& weights,
                                    const LoadSettings& settings) {
  const DecoderDefaults defaults{
      .activation = "relu2", .rope_theta = 500000.0, .norm_epsilon = 1e-5, .feed_forward_bias_known = false};
  auto shape = read_decoder_shape({config, where}, defaults);
  shape.sub_norms = true;
  return build_decoder(shape, weights, settings, config.dump());
}

}  // namespace

namespace plugins {
void bitnet(FamilyBook& book) {
  book.add("bitnet", {.name = "bitnet",
                      .summary = "BitNet b1.58 with unpacked weights (float16 or bfloat16 ternary values)",
                      .architectures = {"BitNetForCausalLM"},
                      .build = build_bitnet});
}
}  // namespace plugins
}  // namespace touchstone
