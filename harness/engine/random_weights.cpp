#include "harness/engine/random_weights.hpp"

#include <ATen/CPUGeneratorImpl.h>

#include "harness/base/error.hpp"
#include "harness/base/json.hpp"
#include "harness/base/seed.hpp"
#include "harness/base/text.hpp"
#include "harness/model/ops.hpp"

namespace touchstone {
namespace {

class RandomWeights final : public Weights {
 public:
  explicit RandomWeights(std::uint64_t seed) : seed_(seed) {}
  bool has(const std::string&) const override { return false; }
  std::vector<std::string> names() const override { return {}; }
  Tensor get(const std::string& name, at::IntArrayRef shape, const LoadSettings& settings) const override {
    auto values = at::empty(shape, at::kFloat);
    draw_weight(name, values, seed_);
    return values.to(settings.device, settings.storage);
  }

 private:
  std::uint64_t seed_;
};

}  // namespace

void draw_weight(const std::string& name, Tensor& weight, std::uint64_t seed) {
  if (name.ends_with("bias")) {
    weight.zero_();
  } else if (weight.dim() == 1) {
    weight.fill_(1.0);
  } else {
    auto values = at::empty(weight.sizes(), at::kFloat);
    weight.copy_(values.normal_(0.0, 0.02, at::detail::createCPUGenerator(derive_seed(seed, name))));
  }
}

std::unique_ptr<Model> draw_model(const FamilyBook& families, const Json& config, const std::string& where,
                                  std::uint64_t seed, const LoadSettings& settings) {
  return find_family(families, config, where).build(config, where, RandomWeights(seed), settings);
}

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
  return draw_model(families, config, "random weights", 0, settings);
}

}  // namespace touchstone
