#include "harness/model/ops.hpp"
#include "harness/train/stage.hpp"
#include "trainers/deltas/low_rank.hpp"

namespace touchstone {
namespace {

class Lora final : public Delta {
 public:
  explicit Lora(LowRank low) : low_(std::move(low)) {}
  Tensor apply(const Tensor& x, const Tensor&, const Linear&) const override { return low_.apply(x); }
  Tensor dense(const Linear&) const override { return low_.dense(); }
  std::vector<std::pair<std::string, Tensor*>> parameters() override {
    return {{"lora_A.weight", &low_.a}, {"lora_B.weight", &low_.b}};
  }

 private:
  LowRank low_;
};

/// h = W x + s B A x, s = lora_alpha / r: "LoRA: Low-Rank Adaptation of Large Language Models", arXiv 2106.09685,
/// section 4.1, equation 3.
Adapter lora_adapter(const LowRankOptions& options) {
  const auto make = [options](const std::string& module, const Linear& map, std::uint64_t seed) {
    return std::make_shared<Lora>(begin_low_rank(options, module, map, seed));
  };
  return low_rank_adapter(options, make, /*use_dora=*/false);
}

}  // namespace

namespace plugins {
void lora(TrainerBook& book) {
  book.adapters.add("lora",
                    {.summary = "a low-rank change to each matrix (LoRA, arXiv 2106.09685; rsLoRA, arXiv 2312.03732)",
                     .make = [](Options& options) { return lora_adapter(read_low_rank(options)); },
                     .read = [](const auto& config, const std::string& where) -> std::optional<Adapter> {
                       if (!is_low_rank(config, /*use_dora=*/false)) return std::nullopt;
                       return lora_adapter(low_rank_of(config, where));
                     }});
}
}  // namespace plugins
}  // namespace touchstone
