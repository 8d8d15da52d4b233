#include "backends/layers/decoder_config.hpp"
#include "harness/base/json.hpp"

namespace touchstone {
namespace {

/// "LLaMA: Open and Efficient Foundation Language Models", arXiv:2302.13971, with grouped-query attention and the
/// rotary scalings of later versions, in the layout of transformers' LlamaForCausalLM.
std::unique_ptr<Model> build_llama(const Json& config, const std::string& where, const Weights& weights,
                                   const LoadSettings& settings) {
  return build_decoder(read_decoder_shape({config, where}, {}), weights, settings, config.dump());
}

}  // namespace

namespace plugins {
void llama(FamilyBook& book) {
  book.add("llama",
           {.name = "llama",
            .summary = "Llama 1 to 3.3 and what shares its layout (SmolLM2, TinyLlama): GQA, tied or untied head, "
                       "rope default, linear, dynamic, llama3, yarn",
            .architectures = {"LlamaForCausalLM"},
            .build = build_llama});
}
}  // namespace plugins
}  // namespace touchstone
