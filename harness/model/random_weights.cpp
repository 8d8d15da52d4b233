#include "harness/model/random_weights.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

/// Draws each tensor from a seed of its name.
class RandomWeights final : public Weights {
 public:
  bool has(const std::string&) const override { return false; }
  std::vector<std::string> names() const override { return {}; }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override {
    auto values = at::empty(shape, at::kFloat);
    if (shape.size() == 1) {
      values.fill_(1.0);  // norms
    } else {
      values.normal_(0.0, 0.02, at::detail::createCPUGenerator(derive_seed(0, name)));
    }
    return values.to(settings.device, settings.storage);
  }
};

}  // namespace

std::unique_ptr<Model> random_model(const FamilyBook& families, const LoadSettings& settings) {
  const Json config = {{"architectures", {"LlamaForCausalLM"}},
                       {"vocab_size", 8192},
                       {"hidden_size", 512},
                       {"intermediate_size", 1408},
                       {"num_hidden_layers", 8},
                       {"num_attention_heads", 8},
                       {"max_position_embeddings", 2048},
                       {"rms_norm_eps", 1e-5},
                       {"tie_word_embeddings", false}};
  return families.get("llama").build(config, "random weights", RandomWeights(), settings);
}

}  // namespace touchstone
